"""What every engine returns for a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """The best translation of one sentence.

    `tokens` are dictionary symbols without language tag and end of sentence. `score` is fairseq's: the summed natural
    log-probabilities of tag, tokens and end of sentence, divided by their number to the power of the length penalty.
    """

    tokens: list[str]
    score: float


def plain(pieces: Iterable[str]) -> str:
    """SentencePiece symbols as text."""
    return "".join(pieces).replace("\N{LOWER ONE EIGHTH BLOCK}", " ").strip()
