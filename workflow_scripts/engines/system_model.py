"""A system's model as engines take it: checked when it is loaded, which engines do where they need its weights."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workflow_scripts.artifacts import Masks, masks_digest
from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.corpus.symbols import read_symbols
from workflow_scripts.direction import Direction, joined
from workflow_scripts.engines import ENGINES
from workflow_scripts.errors import UserError
from workflow_scripts.formats.architecture import Architecture
from workflow_scripts.formats.fairseq_settings import architecture_of
from workflow_scripts.formats.peek import model_settings, peek
from workflow_scripts.training.provenance import refuse_other_format

if TYPE_CHECKING:
    from workflow_scripts.formats.checkpoint import Checkpoint
    from workflow_scripts.formats.folded import Kept


@dataclass(frozen=True)
class SystemModel:
    """The model of system `name`: its checkpoint, the data it goes with, its masks, if any, and who decodes it.

    `cache` is a folder in which an engine may keep what it makes of the model; None: nothing is kept.
    """

    name: str
    engine: str
    checkpoint: Path
    manifest: Manifest
    masks: Masks | None = None
    cache: Path | None = None

    @cached_property
    def symbols(self) -> list[str]:
        """The dictionary in order, language tags included."""
        return read_symbols(self.manifest.dictionary, self.manifest.languages)

    @cached_property
    def architecture(self) -> Architecture:
        """What the checkpoint says of itself; without torch, where it has fairseq's newer file format."""
        found = peek(self.checkpoint)
        return architecture_of(model_settings(found, self.checkpoint) if found else self.loaded.args)

    @property
    def masks_digest(self) -> str | None:
        """SHA-256 of the masks."""
        return masks_digest(self.masks.rows) if self.masks else None

    def neurons(self, pair: Direction) -> Kept | None:
        """The neurons a direction keeps, None: all. Raises `UserError` for a direction that the masks lack."""
        if self.masks is None:
            return None
        if str(pair) not in self._kept:
            raise UserError(f"system {self.name} has no neurons selected for {pair}; it has {joined(self._kept)}")
        return self._kept[str(pair)]

    @cached_property
    def _kept(self) -> dict[str, Kept]:
        return self.masks.kept()

    def check(self) -> None:
        """Raise `UserError` as `loaded` does, whether or not an engine needs the weights."""
        _ = self.loaded

    @cached_property
    def loaded(self) -> Checkpoint:
        """Weights and settings.

        Raises `UserError` where checkpoint, masks and data do not belong together, and where the engine cannot decode
        the model.
        """
        # Late: torch takes seconds, and an engine that kept what it made of the model needs none.
        from workflow_scripts.formats import checkpoint as checkpoints

        found = checkpoints.read_checkpoint(self.checkpoint)
        refuse_other_format(self.checkpoint, found.provenance)
        checkpoints.refuse_other_vocabulary(found, self.manifest.languages, len(self.symbols), self.manifest.dictionary)
        checkpoints.refuse_other_masks(found, self.masks_digest)
        self._refuse_engine(found.args)
        return found

    def _refuse_engine(self, args: Namespace) -> None:
        architecture = architecture_of(args)
        if reasons := list(ENGINES[self.engine].refuses(architecture)):
            others = [name for name, one in ENGINES.items() if not list(one.refuses(architecture))]
            raise UserError(
                f"engine {self.engine} cannot decode system {self.name} ({', '.join(reasons)}): choose another "
                f"decode.engine ({', '.join(others)})"
            )
