"""What a data source is: where parallel text, or what was made from it, comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from workflow_scripts.direction import Direction
from workflow_scripts.languages import Language
from workflow_scripts.registry import Schema


class Sentences(Protocol):
    """Text that is ready to be drawn or downloaded."""

    def __call__(self, pair: Direction, splits: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        """`(split, sentence, translation)`, in the order of the pair's languages, each a line without its end.

        `splits` are of train, valid and test; what one of them holds depends on no other. Raises `UserError` where a
        pair has no text.
        """


def _nothing(*_: Any) -> Sentences:
    raise ValueError("no text is made here")


def _none(settings: Mapping[str, Any]) -> Sequence[str]:
    del settings
    return ()


def _all(settings: Mapping[str, Any], splits: Sequence[str]) -> Mapping[str, Any]:
    del splits
    return settings


@dataclass(frozen=True)
class Source:
    """A source of data.

    `summary` says in a line what it is. `form` says what it has, and so which rules follow: text that is made by a job
    (`made`), text of this machine (`text`), a fairseq data-bin (`databin`), or nothing that could be trained on
    (`none`). `open(languages, settings, seed)`, of what is made, takes the language table by code, the source's own
    settings and the seed, and returns `Sentences`; whatever is heavy is imported there. `options` are its own keys of
    `data`, each with a default. `concern(settings, splits)` are those settings that these splits depend on: a further
    test sentence changes no training text. `files(settings)` are the files of this machine that are read: the text is
    made again when one changes.
    """

    summary: str
    form: Literal["made", "text", "databin", "none"] = "made"
    open: Callable[[Mapping[str, Language], Mapping[str, Any], int], Sentences] = _nothing
    options: Mapping[str, Schema] = field(default_factory=dict)
    concern: Callable[[Mapping[str, Any], Sequence[str]], Mapping[str, Any]] = _all
    files: Callable[[Mapping[str, Any]], Sequence[str]] = _none
