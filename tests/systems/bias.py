"""Each direction has a bias of its own behind every feed-forward layer; nothing else is trained, if so asked."""

from __future__ import annotations

from workflow_scripts.systems.own import OwnParameters, own_kind

CODE = ("systems.own",)


def shapes(inputs, outputs, settings):
    return {"bias": (outputs,)}


def act(own, x, y, settings):
    return y + settings["bias"]["scale"] * own["bias"]


def fold(own, weight, bias, settings):
    return weight, bias + settings["bias"]["scale"] * own["bias"]


KIND = own_kind(
    key="bias",
    schema={
        "type": "object",
        "description": "A bias of its own for each direction.",
        "additionalProperties": False,
        "properties": {"scale": {"type": "number", "default": 1, "description": "What it is multiplied by."}},
    },
    parameters=OwnParameters(places=("fc2",), shapes=shapes, act=act, fold=fold),
    summary="a bias of its own for each direction",
)
