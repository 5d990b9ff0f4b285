"""How every engine searches: the settings of the beam search."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass

from workflow_scripts.errors import UserError

END, UNKNOWN = "</s>", "<unk>"


@dataclass(frozen=True)
class Search:
    """Beam search settings; `length_penalty` is the exponent of the length in hypothesis scores.

    `max_length` counts the language tag but not the end of sentence, like fairseq's `--max-len-b`; `max_tokens` are the
    source tokens of a batch, padding included.
    """

    beam: int = 5
    length_penalty: float = 1.0
    max_length: int = 200
    max_tokens: int = 12000


def refuse_longer(tagged: Iterable[Sized], limit: int) -> None:
    """Raise `UserError` for the first sentence (with tag, without end) of more tokens than a model takes."""
    for line, tokens in enumerate(tagged, 1):
        if len(tokens) + 1 > limit:
            raise UserError(f"sentence {line} has {len(tokens) + 1} tokens, the model takes {limit}: shorten it")
