"""What an engine is: something that finds the best translations of sentences with a system's model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol

from workflow_scripts.direction import Direction
from workflow_scripts.engines.hypothesis import Hypothesis
from workflow_scripts.registry import Schema

if TYPE_CHECKING:
    from workflow_scripts.formats.architecture import Architecture


class Opened(Protocol):
    """A model that is ready to translate."""

    def nbest(self, sources: Sequence[Sequence[str]], pair: Direction, count: int) -> list[list[Hypothesis]]:
        """Translations of sentences of dictionary symbols (without tags and end) in direction `pair`.

        Per sentence up to `count`, at least one, best first. Raises `UserError` for a direction that the model's masks
        lack, and for a sentence that is longer than it takes.
        """


@dataclass(frozen=True)
class Place:
    """Where is computed: `device` is `auto`, `cpu`, `cuda` or `cuda:1`.

    `threads` are the cores of a search for engines that ask (0: as they like); torch has its own ways to be told.
    """

    device: str = "auto"
    threads: int = 1


def _everything(_: Architecture) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Engine:
    """A way to search.

    `summary` says in a line what it is. `open(model, search, place, **options)` takes a `SystemModel`, a `Search` and a
    `Place`, and returns an `Opened`; whatever is heavy is imported there. `options` are its own keys of `decode`, each
    with a default; the module and `packages`, distributions that must be installed, decide what it finds: translations
    are made again when its code or their version is another. `refuses(architecture)` says in words what about a model
    it cannot decode, nothing of one that it can. `effects` says that it runs a system's own model, whatever its kind
    does to it; others take the plain model that a direction is folded into.
    """

    summary: str
    open: Callable[..., Opened]
    options: Mapping[str, Schema] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    refuses: Callable[[Architecture], Iterable[str]] = _everything
    effects: bool = False

    def versions(self) -> dict[str, str | None]:
        """The versions of its packages; None for one that is not installed."""
        return {package: _version(package) for package in self.packages}


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
