"""A run that was made: its systems, directions and settings, by the configuration it was last made with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from workflow_scripts import configuration
from workflow_scripts.batch import FORMAT
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.paths import Paths
from workflow_scripts.systems.system import Systems
from workflow_scripts.systems.variant import Variant


@dataclass(frozen=True)
class MadeRun:
    """The run called `name`; `config` has all defaults, `families` are those of its languages."""

    name: str
    config: Mapping[str, Any]
    families: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str) -> MadeRun:
        """Read what is recorded of a run. Raises `UserError` with the runs there are where it is not one of them."""
        path = Path(Paths(name).record)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            version, config = content["format"], content["configuration"]
        except (FileNotFoundError, NotADirectoryError):
            results = Path(Paths("any").results).parent
            known = sorted(found.parent.name for found in results.glob(f"*/{path.name}"))
            there = f"there are {', '.join(known)}" if known else "there is none: make one first (make run)"
            raise UserError(f"there is no run {name} in {results.resolve()}; {there}") from None
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{path} is damaged: remove it, and make the run again") from None
        if version != FORMAT:
            raise UserError(f"{path.parent} was made by another version of this pipeline: make the run again")
        return cls(name, config, content.get("families", {}))

    @cached_property
    def paths(self) -> Paths:
        """Where its files lie."""
        return Paths(self.name)

    @cached_property
    def directions(self) -> list[Direction]:
        """The directions its models are trained on."""
        return configuration.directions(self.config, self.config["languages"]["codes"])

    @cached_property
    def systems(self) -> Systems:
        """Its systems."""
        return configuration.systems(self.config, self.families)

    def system(self, name: str) -> tuple[Path, Variant]:
        """Checkpoint and variant of a system. Raises `UserError` where it has no model, or has not been made yet."""
        models = self.systems.models
        if name not in models:
            kind = "has only existing translations" if name in self.systems else "does not exist"
            raise UserError(f"system {name} of run {self.name} {kind}; systems with a model: {', '.join(models)}")
        system = self.systems[name]
        for path in (system.checkpoint, *system.masks):
            if not Path(path).exists():
                raise UserError(f"system {name}: {path} does not exist yet; make the run first")
        return Path(system.checkpoint), Variant.of(
            system.kind_name, next(map(Path, system.masks), None), system.options["settings"]
        )
