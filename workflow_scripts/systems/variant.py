"""A kind of system with what it goes by, as commands get it: its masks, and the settings that its model depends on.

Commands take `--kind`, `--masks` and `--settings`; by hand, the kind follows from the other two.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts import configuration_filling
from workflow_scripts.artifacts import Masks, masks_digest, read_masks
from workflow_scripts.artifacts_checks import check_complete
from workflow_scripts.errors import UserError
from workflow_scripts.systems import KINDS
from workflow_scripts.systems.kind import Effect, Kind, Plain, State
from workflow_scripts.systems.system import kind_of

if TYPE_CHECKING:
    from torch import nn

DENSE = "dense"
"""The kind of a model that nothing is done to."""


@dataclass(frozen=True)
class Variant:
    """A system of the kind called `name`. `masks_file` holds its neuron sets, `settings` the options it passes on."""

    name: str = DENSE
    masks_file: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str | None, masks_file: Path | None, settings: Mapping[str, Any] | None) -> Variant:
        """A variant of the kind `name`, or of the one that has these things. Raises `UserError` for a wrong mixture."""
        settings = settings or {}
        keys = {**settings, **({"masks": masks_file} if masks_file else {})}
        name = name or (kind_of(keys, "the command") if keys else DENSE)
        kind = KINDS[name]
        if kind.texts:
            raise UserError(f"--kind {name}: {kind.summary}, so there is no model")
        if kind.masks != bool(masks_file):
            raise UserError(f"--kind {name} {'needs' if kind.masks else 'takes no'} --masks")
        if sorted(settings) != sorted(kind.passed):
            raise UserError(f"--kind {name}: --settings must have {', '.join(kind.passed) or 'nothing'}")
        if settings:
            settings = configuration_filling.filled({"properties": dict(kind.options)}, settings, "--settings")
        return cls(name, masks_file, settings)

    @property
    def kind(self) -> Kind:
        """What is registered under its name."""
        return KINDS[self.name]

    @property
    def module(self) -> str:
        """The module of its kind, as digests of code name it."""
        return KINDS.module(self.name)

    @cached_property
    def masks(self) -> Masks | None:
        """Its neuron sets. Raises `UserError` where they are not those of one model."""
        if not self.masks_file:
            return None
        masks = read_masks(self.masks_file)
        check_complete(self.masks_file, masks.rows)
        return masks

    @property
    def directional(self) -> bool:
        """Whether its model differs from direction to direction."""
        return self.kind.attach is not None

    @property
    def own(self) -> dict[str, Any]:
        """What a checkpoint records of its settings; nothing where there are none."""
        return {"own": {self.name: dict(self.settings)}} if self.settings else {}

    def made_from(self) -> dict[str, Any]:
        """What of it makes a checkpoint or a translation current: the digest of its masks, its settings."""
        return {"masks": masks_digest(self.masks.rows) if self.masks else None, **self.own}

    @property
    def frozen(self) -> bool:
        """Whether own parameters are all that is trained, and all that a checkpoint holds."""
        return self.kind.frozen(self.settings)

    def attach(self, model: nn.Module, directions: Sequence[str] = (), state: State | None = None) -> Effect | None:
        """Build it into a fairseq model, to train `directions` or to hold a trained `state`; None where there is
        nothing to switch.
        """
        return self.kind.attach(model, self, directions, state) if self.kind.attach else None

    def fold(self, state: State, direction: str) -> Plain:
        """One direction's plain model of a checkpoint's `state`. Raises `UserError` where there is none."""
        if self.kind.fold is None:
            raise UserError(
                f"systems of kind {self.name} cannot be made a plain model of one direction, which this needs: decode "
                "them with the engine fairseq"
            )
        return self.kind.fold(state, direction, self)

    def refuse_other(self, checkpoint: Any) -> None:
        """Raise `UserError` when the checkpoint was trained under other masks, or with other settings of its own."""
        from workflow_scripts.formats.checkpoint import refuse_other_masks

        refuse_other_masks(checkpoint, self.made_from()["masks"])
        expected = checkpoint.provenance.get("own")
        if expected and expected != self.own.get("own"):
            raise UserError(
                f"checkpoint {checkpoint.path} was trained as {json.dumps(expected)} and is given "
                f"{json.dumps(self.own.get('own', {}))}: decode it as it was trained"
            )


def add_system_options(parser: argparse.ArgumentParser) -> None:
    """The options of which `variant_of` makes a `Variant`."""
    kinds = [name for name in KINDS if not KINDS[name].texts]
    parser.add_argument("--kind", choices=kinds, help="kind of the system (default: by --masks and --settings)")
    parser.add_argument("--masks", type=Path, help="masks of the system")
    parser.add_argument("--settings", type=json.loads, help="settings of its own that its model depends on, as JSON")


def variant_of(args: argparse.Namespace) -> Variant:
    """The variant that a command is given."""
    return Variant.of(args.kind, args.masks, args.settings)
