"""Which pieces of a SentencePiece model a run keeps, and what becomes of text that has others.

A piece that is not kept is marked as unused: SentencePiece still merges it on the way to longer ones, so that text of
kept pieces is cut as before, and cuts it again, down to single characters, where it would be the outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sentencepiece

from workflow_scripts.corpus.pieces import encode


def kept_pieces(known: Iterable[str], used: Collection[str]) -> set[str]:
    """Of the `known` pieces of a vocabulary those that are `used`, and all single characters."""
    return {piece for piece in known if piece in used or len(piece) == 1}


def changed(
    model: sentencepiece.SentencePieceProcessor, lines: Iterable[str], known: Collection[str], kept: Collection[str]
) -> tuple[int, int]:
    """How many of `known` pieces lines have, cut by the whole `model`, and how many of these are not among `kept`."""
    total = other = 0
    for pieces in encode(model, lines):
        found = [piece for piece in pieces if piece in known]
        total += len(found)
        other += sum(piece not in kept for piece in found)
    return total, other


def share(total: int, part: int) -> str:
    """`3 of 1,200 pieces (0.25 %)`."""
    return f"{part:,} of {total:,} pieces ({100 * part / max(total, 1):.2f} %)"
