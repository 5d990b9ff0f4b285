"""What an identifier of languages is: something that tells which of the run's languages a line is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from workflow_scripts.registry import Schema

Identify = Callable[[Sequence[str]], list[str | None]]
"""The language of each line, by its code; None where it is undetermined."""


def _anything(codes: Sequence[str], **options: object) -> None:
    """No objection."""


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """A way to tell languages.

    `summary` says in a line what it is. `open(codes, learned, **options)` takes the codes of the run's languages and
    returns an `Identify`, and the codes that it can tell, which may be fewer; whatever is heavy is imported there.
    Where it is None, nothing is identified. `learn(sample, **options)` is there where the run's own training text must
    be learned from: `sample(most)` gives up to so many lines of each language, and what it returns, plain JSON, is
    `learned` (None without it). `options` are its own keys of `score`, each with a default; `check`, called with the
    codes and the options, raises `UserError` for what a schema cannot know. `packages` are distributions whose version
    decides what it says.
    """

    summary: str
    open: Callable[..., tuple[Identify, list[str]]] | None
    learn: Callable[..., Any] | None = None
    options: Mapping[str, Schema] = field(default_factory=dict)
    check: Callable[..., None] = _anything
    packages: tuple[str, ...] = ()

    def versions(self) -> dict[str, str | None]:
        """The versions of its packages; None for one that is not installed."""
        return {package: _version(package) for package in self.packages}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
