"""Neuron Specialization: every direction keeps neurons of its own in the feed-forward layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workflow_scripts.errors import UserError
from workflow_scripts.neurons.criteria import CRITERIA
from workflow_scripts.systems.kind import CHECKPOINT, Config, Effect, Kind, Plain, Schema, Settings, State

if TYPE_CHECKING:
    from torch import nn

    from workflow_scripts.systems.variant import Variant

CODE = ("layers.specialized_ffn", "systems.kind")

MASKS: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["select"],
    "description": "Which neurons each direction keeps.",
    "properties": {
        "select": {"registered": "criteria", "description": "How they are chosen."},
        "components": {
            "type": "array",
            "items": {"enum": ["encoder", "decoder"]},
            "minItems": 1,
            "uniqueItems": True,
            "default": ["encoder", "decoder"],
            "description": "Components that are masked; the other stays dense.",
        },
        "positions": {
            "enum": ["real", "all"],
            "default": "real",
            "description": "Where activations are counted: real - wherever there is no padding; all - at padding too, "
            "as the published code counts (counts then depend on how sentences are batched).",
        },
        "activations": {
            "type": "string",
            "description": "Folder of activations ({pair}.parquet) recorded with another baseline of the same shape; "
            "the run's own where left out.",
        },
    },
}


def check(config: Config, where: str, settings: Settings) -> None:
    """Raise `UserError` where the criterion's settings are not those it takes, or no system can be copied."""
    masks: dict[str, Any] = settings["masks"]
    where, criterion = f"{where}.masks", CRITERIA[masks["select"]]
    # The seed is the run's where left out.
    missing = [option for option in criterion.required if option not in masks and option != "seed"]
    wrong = [key for key in masks if key not in (*criterion.options, *MASKS["properties"])]
    if missing or wrong or criterion.ambiguous(masks):
        takes = ", ".join(criterion.options) or "nothing more"
        said = [f"{', '.join(missing)} is missing"] if missing else []
        said += [f"it does not take {', '.join(wrong)}"] if wrong else []
        said += [f"it needs exactly one of {', '.join(criterion.one_of)}"] if criterion.ambiguous(masks) else []
        raise UserError(f"{where}: selection {masks['select']} takes {takes}; {', and '.join(said)}")
    chain, components = list[str](), set(masks["components"])
    while like := masks.get("like"):
        if like not in config["systems"]:
            raise UserError(f"{where}.like: there is no system {like}; there are {list(config['systems'])}")
        if like in chain:
            circle = " → ".join([*chain[chain.index(like) :], like])
            raise UserError(f"{where}.like: {like} has no masks of its own sizes that could be copied: {circle}")
        masks = config["systems"][like].get("masks")
        if masks is None:
            raise UserError(f"{where}.like: {like} has no masks of its own sizes that could be copied")
        components &= set(masks["components"])
        if not components:
            raise UserError(f"{where}.components: {like}, whose sizes are copied, masks another component")
        chain.append(like)


def attach(model: nn.Module, variant: Variant, directions: Sequence[str], state: State | None) -> Effect:
    """Specialized feed-forward layers. Raises `UserError` where the masks lack a direction, or are another model's."""
    from workflow_scripts.layers.specialized_ffn import DirectionMasks

    effect = DirectionMasks(model, variant.masks.rows)
    if missing := sorted(set(directions) - set(effect.bits)):
        raise UserError(f"{variant.masks_file} has no masks for {', '.join(missing)}: make them again")
    return effect


def fold(state: State, direction: str, variant: Variant) -> Plain:
    """The weights as they are, and the neurons that the direction keeps. Raises `UserError` where it has no masks."""
    kept = variant.masks.kept()
    if direction not in kept:
        raise UserError(
            f"{variant.masks_file} has no masks for {direction}: make masks that include it (there are: "
            f"{', '.join(kept) or 'none'})"
        )
    return Plain(state, kept[direction])


KIND = Kind(
    summary="neurons of its own for every direction",
    options={"masks": MASKS, "checkpoint": CHECKPOINT},
    required=("masks",),
    check=check,
    masks=True,
    trains=True,
    untrained=True,
    attach=attach,
    fold=fold,
)
