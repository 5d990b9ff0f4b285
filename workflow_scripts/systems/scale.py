"""A vector that neurons are multiplied by, as in IA3 (Liu et al. 2022): where masks say yes or no, a number.

IA3 multiplies the keys and values of attention, too: another change, which is made where it is asked for. A neuron
whose number is 0 emits nothing, where one outside a mask emits a constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_scripts.layers.own_names import Place
from workflow_scripts.systems.kind import Settings
from workflow_scripts.systems.own import Own, shared_kind
from workflow_scripts.systems.sharing import settings_of, some_of

if TYPE_CHECKING:
    from torch import Tensor

CODE = ("layers.own_names", "systems.kind", "systems.own", "systems.sharing")

MODULES = {"ffn": ("fc2",), "keys": ("k", "cross_k"), "values": ("v", "cross_v")}
NEURONS, OUTPUTS = "neurons", "outputs"
"""Names of the vectors: of what goes into fc2, and of what comes out of a projection."""


def places(settings: Settings) -> tuple[str, ...]:
    return tuple(module for name, modules in MODULES.items() if name in settings["scale"]["on"] for module in modules)


def at(settings: Settings, place: Place) -> Settings:
    return {**settings, "vector": NEURONS if place.name == "fc2" else OUTPUTS}


def shapes(inputs: int, outputs: int, settings: Settings) -> dict[str, tuple[int, ...]]:
    vector = settings["vector"]
    return {vector: (inputs if vector == NEURONS else outputs,)}


def begin(name: str, parameter: Tensor) -> None:
    parameter.fill_(1)


def enter(own: Own, x: Tensor, settings: Settings) -> Tensor:
    return x * own[NEURONS]


def fold(own: Own, weight: Tensor, bias: Tensor, settings: Settings) -> tuple[Tensor, Tensor]:
    if NEURONS in own:
        return weight * own[NEURONS], bias
    return weight * own[OUTPUTS][:, None], bias * own[OUTPUTS]


KIND = shared_kind(
    key="scale",
    schema=settings_of(
        "A vector that starts as ones, and that feed-forward neurons are multiplied by (IA3).",
        on=some_of(MODULES, ["ffn"], "What is multiplied: neurons behind the ReLU; keys and values of attention."),
    ),
    summary="neurons multiplied by a vector of a direction's own",
    places=places,
    at=at,
    shapes=shapes,
    begin=begin,
    enter=enter,
    fold=fold,
)
