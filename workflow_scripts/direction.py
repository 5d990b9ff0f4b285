"""A translation direction: the one place that takes `en-de` apart or puts it together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workflow_scripts.errors import UserError

CODE = re.compile(r"[A-Za-z0-9_]+")
"""A language code: it stands in file names, options and shell commands."""

KINDS = ("en-x", "x-en", "x-x")
"""Out of the pivot, into it, without it; `en` stands for whatever the pivot is, as in the configuration."""

PAPER = {"en-x": "O2M", "x-en": "M2O", "x-x": "X2Y"}
"""What tables and figures call a kind, as the paper does: one to many, many to one."""


@dataclass(frozen=True, order=True)
class Direction:
    """From `source` into `target`, both language codes; `str` of it is `en-de`."""

    source: str
    target: str

    @classmethod
    def parse(cls, text: str) -> Direction:
        """`Direction("en", "de")` of `en-de`. Raises `UserError` for anything else."""
        source, dash, target = text.partition("-")
        if not dash or not CODE.fullmatch(source) or not CODE.fullmatch(target) or source == target:
            raise UserError(f"{text!r} is not a direction like en-de")
        return cls(source, target)

    def __str__(self) -> str:
        return f"{self.source}-{self.target}"

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target."""
        return self.source, self.target

    @property
    def tags(self) -> tuple[str, str]:
        """The language tags of both sides, `__en__` and `__de__`."""
        return tag(self.source), tag(self.target)

    @property
    def reverse(self) -> Direction:
        """The other direction of the two languages."""
        return Direction(self.target, self.source)

    def kind(self, pivot: str) -> str:
        """One of `KINDS`."""
        return "en-x" if self.source == pivot else "x-en" if self.target == pivot else "x-x"

    def type(self, pivot: str) -> str:
        """Its kind as tables and figures call it: `O2M`, `M2O` or `X2Y`."""
        return PAPER[self.kind(pivot)]

    def other(self, pivot: str) -> str | None:
        """The language that is not the pivot; None where neither is the pivot."""
        return {"en-x": self.target, "x-en": self.source, "x-x": None}[self.kind(pivot)]

    def corpus(self, pivot: str) -> Direction:
        """The pair whose files on disk hold this direction's text: pivot first, else as it is."""
        return self.reverse if self.target == pivot else self


def tag(language: str) -> str:
    """The tag of a language, `__de__`."""
    return f"__{language}__"


def parse_all(text: str) -> list[Direction]:
    """Directions separated by commas, as commands take them (`--pairs en-de,de-en`)."""
    return [Direction.parse(part.strip()) for part in text.split(",")]


def joined(directions: Iterable[Direction | str]) -> str:
    """The inverse of `parse_all`."""
    return ",".join(map(str, directions))


def corpora(directions: Iterable[Direction], pivot: str) -> list[Direction]:
    """The pairs on disk that hold the text of `directions`, each once, in order: en-de for de-en and en-de."""
    found: dict[Direction, None] = {}
    for direction in directions:
        corpus = direction.corpus(pivot)
        found[corpus.reverse if corpus.reverse in found else corpus] = None
    return list(found)
