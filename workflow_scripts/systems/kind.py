"""What a kind of system is: its keys, what it needs, and how it changes the model of a direction. No torch in here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from workflow_scripts.registry import Schema

if TYPE_CHECKING:
    from torch import Tensor, nn

    from workflow_scripts.formats.folded import Kept
    from workflow_scripts.systems.variant import Variant

Config = Mapping[str, Any]
Settings = Mapping[str, Any]
"""What stands under `systems.<name>`."""
State = Mapping[str, "Tensor"]
"""Weights by fairseq's plain names, and own parameters (`systems.own`)."""

CHECKPOINT: Schema = {
    "$ref": "#/$defs/checkpoint",
    "description": "A trained model to evaluate instead of training one.",
}


class Effect(Protocol):
    """What a system does to a model, switched from direction to direction."""

    def owners(self, direction: str) -> Sequence[str]:
        """Whose own parameters are at work in `direction`, where there are such."""

    def activate(self, direction: str) -> None:
        """Let the model be the one of `direction` (`en-de`). Raises `UserError` where the system has none for it."""

    def deactivate(self) -> None:
        """Let the model be the dense one."""


class Plain(NamedTuple):
    """A direction's model without its system: plain weights, and the neurons that it keeps (None: all)."""

    state: State
    kept: Kept | None


def unchecked(config: Config, where: str, settings: Settings) -> None:
    """Nothing to check beyond the schema."""


def never(settings: Settings) -> bool:
    """Whatever its settings are, all of a system's model is trained."""
    return False


def nothing_more(settings: Settings, families: Mapping[str, str]) -> Settings:
    """The settings say all that is to be known."""
    return settings


def as_it_is(state: State, direction: str, variant: Variant) -> Plain:
    """The model of every direction is the checkpoint's."""
    return Plain(state, None)


@dataclass(frozen=True)
class Kind:
    """A kind of system.

    A system is of the kind that takes all its keys (`options`; a schema each) and requires most of them (`required`);
    `alone` is what is said where a required key stands with one that the kind does not take. `check(config, where,
    settings)` raises `UserError` for what a schema cannot see.

    What it needs: `texts(config, settings)` is the folder of translations that exist already, of a kind without a
    model; `masks` asks for neuron sets, chosen as its option `masks` says; `trains` for training, on from the
    baseline, unless a checkpoint is given; `untrained` says that it is something without training, too
    (`training.max_update: 0`). With `own`, directions have parameters for themselves (`systems.own`); where
    `frozen(settings)`, they are all that is trained, and all that a trained checkpoint holds: the rest is in the one
    it started from, which it names. Any other holds the whole model.

    What it does: `attach(model, variant, directions, state)` builds it into a fairseq model and gives back the
    `Effect`; `directions` are those it is to serve, where they are known, `state` are the weights that the model will
    get, where it is trained. `fold(state, direction, variant)` gives one direction's plain model, which every engine
    and format takes; a kind without is decoded by the engine `fairseq` alone. `passed` are the options whose values
    these read, as `variant.settings`: they are among what makes a checkpoint or a translation current.
    `told(settings, families)` adds what a run knows: the families of its languages.
    """

    summary: str
    options: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    alone: str = ""
    check: Callable[[Config, str, Settings], None] = unchecked
    texts: Callable[[Config, Settings], Path] | None = None
    masks: bool = False
    trains: bool = False
    untrained: bool = False
    own: bool = False
    frozen: Callable[[Settings], bool] = never
    passed: tuple[str, ...] = ()
    told: Callable[[Settings, Mapping[str, str]], Settings] = nothing_more
    attach: Callable[[nn.Module, Variant, Sequence[str], State | None], Effect] | None = None
    fold: Callable[[State, str, Variant], Plain] | None = as_it_is
