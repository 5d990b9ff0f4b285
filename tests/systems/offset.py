"""Each direction has an offset of its own behind every feed-forward layer; nothing else is trained, if so asked."""

from __future__ import annotations

from workflow_scripts.systems.own import OwnParameters, own_kind

CODE = ("systems.own",)


def shapes(inputs, outputs, settings):
    return {"offset": (outputs,)}


def act(own, x, y, settings):
    return y + settings["offset"]["times"] * own["offset"]


def fold(own, weight, bias, settings):
    return weight, bias + settings["offset"]["times"] * own["offset"]


KIND = own_kind(
    key="offset",
    schema={
        "type": "object",
        "description": "An offset of its own for each direction.",
        "additionalProperties": False,
        "properties": {"times": {"type": "number", "default": 1, "description": "What it is multiplied by."}},
    },
    parameters=OwnParameters(places=("fc2",), shapes=shapes, act=act, fold=fold),
    summary="an offset of its own for each direction",
)
