"""Two thin matrices beside a weight, `W + α/r · up · down` (LoRA, Hu et al. 2022), of directions or languages.

Ranks and owners by component and layer are LSLo's (Cao et al. 2024): its lower encoder layers go by the source
language, all others by the target.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workflow_scripts.layers.own_names import ATTENTION, Place
from workflow_scripts.systems import sharing
from workflow_scripts.systems.kind import Settings
from workflow_scripts.systems.own import Own, shared_kind

if TYPE_CHECKING:
    from torch import Tensor

CODE = ("layers.own_names", "systems.kind", "systems.own", "systems.sharing")

NAMES = ("q", "k", "v", "out", "fc1", "fc2")


def places(settings: Settings) -> tuple[str, ...]:
    on = settings["lora"]["on"]
    return (*on, *(f"cross_{name}" for name in on if name in ATTENTION))


def at(settings: Settings, place: Place) -> Settings:
    return {**settings, "rank": sharing.at(settings["lora"]["rank"], place, "lora.rank")}


def shapes(inputs: int, outputs: int, settings: Settings) -> dict[str, tuple[int, ...]]:
    return {"down": (settings["rank"], inputs), "up": (outputs, settings["rank"])}


def begin(name: str, parameter: Tensor) -> None:
    if name == "up":
        parameter.zero_()
    else:
        # A linear module's own: uniform, by the number of inputs.
        bound = 1 / math.sqrt(parameter.shape[1])
        parameter.uniform_(-bound, bound)


def act(own: Own, x: Tensor, y: Tensor, settings: Settings) -> Tensor:
    return y + (x @ own["down"].T) @ own["up"].T * _factor(own, settings)


def fold(own: Own, weight: Tensor, bias: Tensor, settings: Settings) -> tuple[Tensor, Tensor]:
    return weight + own["up"] @ own["down"] * _factor(own, settings), bias


def _factor(own: Own, settings: Settings) -> float:
    return settings["lora"]["alpha"] / own["down"].shape[0]


KIND = shared_kind(
    key="lora",
    schema=sharing.settings_of(
        "Two thin matrices beside weights (LoRA).",
        rank=sharing.by_layer(
            {"type": "integer", "minimum": 1},
            default=8,
            description="Rank of the matrices; also by component, there for all layers or a list of each layer's "
            "(`{encoder: [2, 8], decoder: 8}`).",
        ),
        alpha={
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 8,
            "description": "What they add is multiplied by alpha ÷ rank.",
        },
        on=sharing.some_of(
            NAMES,
            ["q", "v", "fc1", "fc2"],
            "Beside which weights: projections of queries, keys, values and outputs of all attention; "
            "both matrices of feed-forward layers.",
        ),
    ),
    summary="thin matrices of a direction's own beside weights",
    lists=("rank",),
    places=places,
    at=at,
    shapes=shapes,
    begin=begin,
    act=act,
    fold=fold,
)
