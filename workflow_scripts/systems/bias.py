"""Biases alone, as in BitFit (Ben Zaken et al. 2022): what each direction adds to them.

Those of attention's keys are left out: they add the same to all scores of a query, so they change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_scripts.layers.own_names import FINAL_NORM, NORMS
from workflow_scripts.systems.kind import Settings
from workflow_scripts.systems.own import Own, shared_kind
from workflow_scripts.systems.sharing import settings_of, some_of

if TYPE_CHECKING:
    from torch import Tensor

CODE = ("layers.own_names", "systems.kind", "systems.own", "systems.sharing")

MODULES = {
    "attention": ("q", "v", "out", "cross_q", "cross_v", "cross_out"),
    "ffn": ("fc1", "fc2"),
    "norms": (*NORMS, FINAL_NORM),
}


def places(settings: Settings) -> tuple[str, ...]:
    return tuple(module for name, modules in MODULES.items() if name in settings["bias"]["on"] for module in modules)


def shapes(inputs: int, outputs: int, settings: Settings) -> dict[str, tuple[int, ...]]:
    return {"bias": (outputs,)}


def act(own: Own, x: Tensor, y: Tensor, settings: Settings) -> Tensor:
    return y + own["bias"]


def fold(own: Own, weight: Tensor, bias: Tensor, settings: Settings) -> tuple[Tensor, Tensor]:
    return weight, bias + own["bias"]


KIND = shared_kind(
    key="bias",
    schema=settings_of(
        "Biases of their own, which start as the model's (BitFit).",
        on=some_of(
            MODULES,
            list(MODULES),
            "Whose biases: those of attention's projections (but for keys, where they do nothing), of "
            "feed-forward layers, of norms.",
        ),
    ),
    summary="biases of a direction's own",
    places=places,
    shapes=shapes,
    act=act,
    fold=fold,
)
