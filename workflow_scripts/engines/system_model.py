"""A system's model as engines take it: checked when it is loaded, which engines do where they need its weights."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.corpus.symbols import read_symbols
from workflow_scripts.direction import Direction
from workflow_scripts.engines import ENGINES
from workflow_scripts.errors import UserError
from workflow_scripts.formats.architecture import Architecture
from workflow_scripts.formats.fairseq_settings import architecture_of
from workflow_scripts.formats.peek import model_settings, peek
from workflow_scripts.systems.kind import Plain
from workflow_scripts.systems.variant import Variant
from workflow_scripts.training.provenance import refuse_other_format

if TYPE_CHECKING:
    from workflow_scripts.formats.checkpoint import Checkpoint


@dataclass(frozen=True)
class SystemModel:
    """The model of system `name`: its checkpoint, the data it goes with, its kind, and who decodes it.

    `cache` is a folder in which an engine may keep what it makes of the model; None: nothing is kept.
    """

    name: str
    engine: str
    checkpoint: Path
    manifest: Manifest
    variant: Variant = field(default_factory=Variant)
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

    def plain(self, pair: Direction) -> Plain:
        """The plain model of a direction. Raises `UserError` as `loaded` does, and where the system has none for it."""
        try:
            return self.variant.fold(self.loaded.state, str(pair))
        except UserError as error:
            raise UserError(f"system {self.name}: {error}") from None

    def check(self) -> None:
        """Raise `UserError` as `loaded` does, whether or not an engine needs the weights."""
        _ = self.loaded

    @cached_property
    def loaded(self) -> Checkpoint:
        """Weights and settings.

        Raises `UserError` where checkpoint, system and data do not belong together, and where the engine cannot decode
        the model.
        """
        # Late: torch takes seconds, and an engine that kept what it made of the model needs none.
        from workflow_scripts.formats import checkpoint as checkpoints

        found = checkpoints.read_checkpoint(self.checkpoint)
        refuse_other_format(self.checkpoint, found.provenance)
        checkpoints.refuse_other_vocabulary(found, self.manifest.languages, len(self.symbols), self.manifest.dictionary)
        self.variant.refuse_other(found)
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
