"""A small network behind every layer, `y = x + up · relu(down · norm(x))` (Bapna & Firat 2019), of a direction's own.

It has no place in a plain Transformer, so the reference engine alone decodes it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workflow_scripts.systems.kind import Settings
from workflow_scripts.systems.own import Own, shared_kind
from workflow_scripts.systems.sharing import settings_of

if TYPE_CHECKING:
    from torch import Tensor

CODE = ("layers.adapter", "systems.kind", "systems.own", "systems.sharing")


def shapes(inputs: int, outputs: int, settings: Settings) -> dict[str, tuple[int, ...]]:
    bottleneck = settings["adapters"]["bottleneck"]
    return {
        "norm": (outputs,),
        "norm_bias": (outputs,),
        "down": (bottleneck, outputs),
        "down_bias": (bottleneck,),
        "up": (outputs, bottleneck),
        "up_bias": (outputs,),
    }


def begin(name: str, parameter: Tensor) -> None:
    """The identity; of two matrices of zeros neither would ever get a gradient, so one is not (Glorot)."""
    if name == "norm":
        parameter.fill_(1)
    elif name == "down":
        bound = math.sqrt(6 / sum(parameter.shape))
        parameter.uniform_(-bound, bound)
    else:
        parameter.zero_()


def act(own: Own, x: Tensor, y: Tensor, settings: Settings) -> Tensor:
    from workflow_scripts.layers.adapter import adapted

    return adapted(y, own)


KIND = shared_kind(
    key="adapters",
    schema=settings_of(
        "A small network behind every layer (adapters).",
        bottleneck={"type": "integer", "minimum": 1, "default": 64, "description": "Its neurons."},
    ),
    summary="a small network of a direction's own behind every layer",
    places=("layer",),
    shapes=shapes,
    begin=begin,
    act=act,
)
