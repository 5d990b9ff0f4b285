"""What a format is: checkpoints that models are read from, and folders in which they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.direction import Direction
from workflow_scripts.files import sha256
from workflow_scripts.formats.architecture import Architecture, NamedModel
from workflow_scripts.registry import Schema

if TYPE_CHECKING:
    from workflow_scripts.artifacts import Mask


@dataclass(frozen=True)
class Exported:
    """A system's model that is written: the small one of direction `pair`, or, without one, the whole model.

    `symbols` is the dictionary in order with the languages' tags. `rows` are the masks of all directions, if it has
    any; `checkpoint` is the identity of the checkpoint, `version` that of this project. `search` has `beam`,
    `length_penalty` and `max_length` of the run, `scores` what it scored in `directions`.
    """

    system: str
    model: NamedModel
    symbols: Sequence[str]
    manifest: Manifest
    pair: Direction | None
    rows: Sequence[Mask] | None
    checkpoint: str
    version: str
    search: Mapping[str, Any]
    directions: Sequence[Direction]
    scores: Sequence[Mapping[str, Any]]

    @property
    def neurons(self) -> str:
        """A sentence on the widths of a small model."""
        encoder, decoder = self.model.architecture.encoder.ffn_dim, self.model.architecture.decoder.ffn_dim
        return f"Its widest layers keep {encoder} (encoder) and {decoder} (decoder) neurons."


def _everything(_: Architecture) -> Iterable[str]:
    return ()


def _one_file(path: Path) -> dict[str, str]:
    return {path.name: sha256(path)}


@dataclass(frozen=True)
class Format:
    """A format.

    `summary` says in a line what it is. `read(path)` gives the `NamedModel` in a file, raising `UserError` for what it
    is not, and `digests(path)` those of the files that decide it by name, weights first; `write(folder, exported,
    **options)` fills an empty folder and returns what a README says of it: a section
    of Markdown, or with `alone` all. A format has one of the two, or both. `options` are those of writing, each with a
    default. `refuses(architecture)` says in words what about a model it cannot hold, nothing of one that it can.
    `widths` says whether FFN layers may differ (`layer`), or those of a component are filled up to the widest
    (`component`); `whole` whether it also has a place for the whole model of all directions. A format that is `alone`
    is a folder of its own, else it is one beside the tokenizer and, perhaps, other formats.
    """

    summary: str
    read: Callable[[Path], NamedModel] | None = None
    digests: Callable[[Path], Mapping[str, str]] = _one_file
    write: Callable[..., str] | None = None
    options: Mapping[str, Schema] = field(default_factory=dict)
    refuses: Callable[[Architecture], Iterable[str]] = _everything
    widths: Literal["component", "layer"] = "component"
    whole: bool = False
    alone: bool = False
