"""The systems of a run: of which kind each is, what it needs, and where its files lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.neurons.criteria import CRITERIA
from workflow_scripts.neurons.criterion import Criterion
from workflow_scripts.paths import Paths
from workflow_scripts.source_code import step_digest
from workflow_scripts.systems import KINDS
from workflow_scripts.systems.kind import Kind, Settings

TRAINING = "training"
"""The key that all systems may have which are trained."""


class Weights(Enum):
    """Whose weights a system decodes with."""

    BASELINE = "the baseline's"
    TRAINED = "trained on from the baseline's"
    GIVEN = "those of a given checkpoint"
    NONE = "there is no model"


def kind_of(settings: Settings, where: str) -> str:
    """The kind of a system: the one that takes all its keys and requires most of them.

    Raises `UserError`, in the words of a kind that requires one of its keys, where they do not go together.
    """
    keys = {key for key, value in settings.items() if key != TRAINING and value is not False and value is not None}
    fitting = [name for name in KINDS if set(KINDS[name].required) <= keys <= KINDS[name].options.keys()]
    if fitting:
        return max(fitting, key=lambda name: len(KINDS[name].required))
    asked = [kind for kind in KINDS.values() if kind.required and set(kind.required) <= keys]
    if not asked:
        known = dict.fromkeys(key for kind in KINDS.values() for key in kind.options)
        raise UserError(f"{where}: no kind of system takes {', '.join(sorted(keys))}; keys are {', '.join(known)}")
    asked = next((kind for kind in asked if kind.alone), asked[0])
    others = ", ".join(sorted(keys - asked.options.keys()))
    beside = ", ".join(key for key in asked.options if key not in asked.required)
    goes = f"goes with {beside} alone" if beside else "goes with no other key"
    words = asked.alone or f"`{', '.join(asked.required)}` ({asked.summary}) {goes}"
    raise UserError(f"{where}: {words}; here it stands with {others}")


@dataclass(frozen=True)
class System:
    """The system `name` with all its `settings`; `training` has all settings of its training, `seed` is the run's,
    `families` are those of its languages.
    """

    name: str
    settings: Settings
    kind_name: str
    training: Mapping[str, Any]
    seed: int
    paths: Paths
    families: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """What is registered under its kind's name."""
        return KINDS[self.kind_name]

    @property
    def weights(self) -> Weights:
        """Whose weights it decodes with."""
        if self.kind.texts:
            return Weights.NONE
        if self.settings.get("checkpoint") is not None:
            return Weights.GIVEN
        return Weights.TRAINED if self.kind.trains and self.training["max_update"] else Weights.BASELINE

    @property
    def checkpoint(self) -> str:
        """The weights it decodes with."""
        return self.paths.baseline if self.weights == Weights.BASELINE else self.paths.checkpoint(self.name)

    @property
    def curve(self) -> str:
        """The curves of its training."""
        return self.paths.curve(self.name)

    @property
    def masks(self) -> list[str]:
        """The masks it is trained and decoded with: one file, or none."""
        return [self.paths.masks(self.name)] if self.kind.masks else []

    @property
    def components(self) -> list[str]:
        """The components that its settings mask; the sizes that it copies may be those of fewer (see `Systems`)."""
        return self.settings["masks"]["components"] if self.kind.masks else []

    @property
    def like(self) -> list[str]:
        """The masks that its own copy: one file, or none."""
        like = self.settings["masks"].get("like")
        return [self.paths.masks(like)] if like else []

    @property
    def criterion(self) -> Criterion:
        """How its neurons are selected."""
        return CRITERIA[self.settings["masks"]["select"]]

    def activations(self, directions: Iterable[Direction]) -> list[str]:
        """The statistics that its neurons are selected by: the baseline's, or those of the folder that is given."""
        folder = self.settings["masks"].get("activations")
        return [f"{folder}/{pair}.parquet" if folder else self.paths.activations(pair) for pair in directions]

    @property
    def checked(self) -> list[str]:
        """What says that the statistics of another baseline can be used: one file, or none."""
        own = not self.kind.masks or not self.settings["masks"].get("activations")
        return [] if own else [f"{self.paths.results}/masks/{self.name}.activations.json"]

    @property
    def needed(self) -> list[str]:
        """The statistics that its neurons are selected by, whosever, and those that are told of them."""
        return sorted({"count", *self.criterion.needed(self.settings["masks"])})

    @property
    def recorded(self) -> tuple[str, ...]:
        """The statistics of the run's own baseline that its neurons are selected by."""
        settings = self.settings["masks"]
        return () if settings.get("activations") else self.criterion.needed(settings)

    def mask_settings(self, directions: Sequence[Direction], families: Mapping[str, str]) -> dict[str, Any]:
        """What the selection is told; `families` are those of the languages.

        Where statistics are another baseline's, a file of the run's own says which layers there must be.
        """
        settings = {**self.settings["masks"], "like": self.like}
        if "seed" in self.criterion.options:
            settings.setdefault("seed", self.seed)
        if self.criterion.families:
            settings["families"] = families
        if settings.pop("activations", None):
            settings["baseline_activations"] = self.paths.activations(directions[0])
        return settings

    @property
    def options(self) -> dict[str, Any]:
        """What commands are told of it (`systems.variant`)."""
        passed = {key: self.settings[key] for key in self.kind.passed}
        return {"kind": self.kind_name, "masks": self.masks, "settings": self.kind.told(passed, self.families) or None}

    @property
    def frozen(self) -> list[str]:
        """The checkpoint that has what its own does not hold, the frozen weights: one file, or none."""
        return [self.paths.baseline] if self.weights == Weights.TRAINED and self.kind.frozen(self.settings) else []

    @property
    def given_files(self) -> list[str]:
        """The file of its given checkpoint; none where it is downloaded."""
        return [self.settings["checkpoint"]["path"]] if "path" in self.settings["checkpoint"] else []

    @property
    def module(self) -> str:
        """The module of its kind, as digests of code name it."""
        return KINDS.module(self.kind_name)

    @property
    def code_of_masks(self) -> str:
        """The digest of the code that selects its neurons, its criterion's included."""
        return step_digest("masks", CRITERIA.module(self.settings["masks"]["select"]))

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise `UserError` for what is wrong between its keys, or between them and those of the run."""
        where, own = f"systems.{self.name}", self.settings.get(TRAINING, {})
        if TRAINING in self.settings and (not self.kind.trains or self.weights == Weights.GIVEN):
            raise UserError(f"{where}: `training` is set, but this system is not trained")
        if self.kind.trains and self.weights == Weights.BASELINE:
            if not self.kind.untrained:
                raise UserError(f"{where}: without training ({where}.training.max_update: 0) it would be the baseline")
            if more := sorted(own.keys() - {"max_update"}):
                raise UserError(f"{where}.training: with max_update 0 nothing is trained, so {', '.join(more)} is idle")
        self.kind.check(config, where, self.settings)


@dataclass(frozen=True)
class Systems(Mapping[str, System]):
    """The systems of a run by name, in the configuration's order."""

    members: Mapping[str, System]

    def __getitem__(self, name: str) -> System:
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def _names(self, chosen: Callable[[System], bool]) -> tuple[str, ...]:
        return tuple(name for name, system in self.items() if chosen(system))

    @property
    def trained(self) -> tuple[str, ...]:
        """Those that are trained in this run."""
        return self._names(lambda system: system.weights == Weights.TRAINED)

    @property
    def given(self) -> tuple[str, ...]:
        """Those whose checkpoint is given."""
        return self._names(lambda system: system.weights == Weights.GIVEN)

    @property
    def masked(self) -> tuple[str, ...]:
        """Those with masks."""
        return self._names(lambda system: system.kind.masks)

    @property
    def informed(self) -> tuple[str, ...]:
        """Those whose neurons are selected by the statistics of another baseline."""
        return self._names(lambda system: bool(system.checked))

    @property
    def lending(self) -> tuple[str, ...]:
        """Those under whose masks the baseline itself can be decoded."""
        return self._names(lambda system: system.kind.masks and system.kind.untrained)

    def components(self, name: str) -> list[str]:
        """The components in which directions of a system keep neurons of their own."""
        own = self[name].components
        like = self[name].settings["masks"].get("like") if own else None
        return [part for part in own if part in self.components(like)] if like else own

    @property
    def models(self) -> tuple[str, ...]:
        """Those that translate: all but existing translations."""
        return self._names(lambda system: system.weights != Weights.NONE)
