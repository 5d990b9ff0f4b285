"""Settings that all kinds with own parameters have: who shares them, and whether the rest of the model is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.layers.own_names import Place
from workflow_scripts.systems.kind import Config, Schema, Settings

CODE = ("layers.own_names", "systems.kind")

FAMILY = "family"


def by_layer(choice: Schema, **more: Any) -> Schema:
    """The schema of a value for all layers, or by component, there for all layers or a list of each layer's."""
    side = {"oneOf": [choice, {"type": "array", "items": choice, "minItems": 1}]}
    sides = {"encoder": side, "decoder": side}
    both = {"type": "object", "additionalProperties": False, "required": [*sides], "properties": sides}
    return {"oneOf": [choice, both], **more}


def at(value: Any, place: Place, name: str) -> Any:
    """What such a value is at a place; behind the last layer, the last one's.

    Raises `UserError` naming `name` where a list is shorter than the model.
    """
    found = value[place.component] if isinstance(value, Mapping) else value
    if not isinstance(found, list):
        return found
    layer = len(found) - 1 if place.layer is None else place.layer
    if layer >= len(found):
        raise UserError(f"{name}.{place.component}: {len(found)} values, and the model has more layers: give one each")
    return found[layer]


PER = by_layer(
    {"enum": ["direction", "source", "target", FAMILY, "all"]},
    default="direction",
    description="Who has parameters of their own: every direction; all directions of a source or a target language "
    "together, or of the families of source and target; or `all`, one for the model. Also by component, there for all "
    "layers or a list of each layer's (`{encoder: source, decoder: target}`).",
)
BASE: Schema = {
    "enum": ["frozen", "trained"],
    "default": "frozen",
    "description": "Whether the rest of the model stays as it is, or is trained on, too.",
}
FAMILIES: Schema = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "For `per: family`, the families of languages by code; those of the language table where left out.",
}


def settings_of(description: str, **options: Schema) -> Schema:
    """The schema of a kind's own key: these options, and those that all such kinds have."""
    shared = {"base": BASE, "per": PER, "families": FAMILIES}
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": {**options, **shared},
    }


def some_of(names: Iterable[str], default: Iterable[str], description: str) -> Schema:
    """The schema of a choice of several names."""
    return {
        "type": "array",
        "items": {"enum": list(names)},
        "minItems": 1,
        "uniqueItems": True,
        "default": list(default),
        "description": description,
    }


def is_frozen(key: str, settings: Settings) -> bool:
    """Whether nothing but own parameters is trained."""
    return settings[key]["base"] == "frozen"


def told(key: str, settings: Settings, families: Mapping[str, str]) -> Settings:
    """The settings with the families of a run's languages in them, where they are asked for and not given."""
    own = settings[key]
    return {key: {"families": dict(families), **own}} if FAMILY in _values(own["per"]) else settings


def owner(key: str, settings: Settings, direction: str, place: Place) -> str:
    """Whose parameters a direction has at a place. Raises `UserError` for a language whose family is not known."""
    own, pair = settings[key], Direction.parse(direction)
    match at(own["per"], place, f"{key}.per"):
        case "direction":
            return direction
        case "source":
            return f"source:{pair.source}"
        case "target":
            return f"target:{pair.target}"
        case "family":
            return ":".join([FAMILY, *(_family(own.get("families", {}), code, key) for code in pair.languages)])
    return "all"


def _family(families: Mapping[str, str], code: str, key: str) -> str:
    if code not in families:
        known = ", ".join(families) or "none"
        raise UserError(f"{key}.families: the family of {code} is not there (there are those of {known})")
    # Part of a parameter's name, which is cut at points.
    return quote(families[code], safe="").replace(".", "%2E")


def check(key: str, lists: Sequence[str], config: Config, where: str, settings: Settings) -> None:
    """Raise `UserError` where one of the settings `lists` has not one value for each layer of the run's own model."""
    if config["baseline"].get("checkpoint"):
        return
    layers = config["model"]["layers"]
    for name in lists:
        for component, values in settings[key][name].items() if isinstance(settings[key][name], Mapping) else ():
            if isinstance(values, list) and len(values) != layers:
                raise UserError(
                    f"{where}.{key}.{name}.{component}: {len(values)} values, and the model has {layers} layers "
                    "(model.layers): give one each"
                )


def _values(value: Any) -> list[Any]:
    """All that such a value is somewhere."""
    sides = value.values() if isinstance(value, Mapping) else [value]
    return [one for side in sides for one in (side if isinstance(side, list) else [side])]
