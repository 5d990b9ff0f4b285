"""Values against their schema: what it does not allow is refused in words, what is left out takes its default."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from workflow_scripts import configuration_values
from workflow_scripts.errors import UserError

MOVED = {
    "activations.positions": "padding is now always counted beside the rest, and `systems.NAME.masks.positions: all` "
    "has a system's neurons chosen by it"
}
"""What says now what a key of an earlier version said."""


def filled(schema: Mapping[str, Any], given: Mapping[str, Any], whole: str, hint: str = "") -> dict[str, Any]:
    """A copy of `given` with every default of its JSON schema filled in.

    Raises `UserError` for the first key that the schema does not allow, in words a person can act on: `whole` is what
    `given` is called, `hint` where keys are described.
    """
    # Snakemake keeps ordered mappings, the validator wants plain ones.
    made = json.loads(json.dumps(given))
    problem = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(made))
    if problem is None:
        _Filling(schema).validate(made)
        return made
    where = ".".join(map(str, problem.absolute_path)) or whole
    message = problem.message
    if problem.validator == "type":
        message += configuration_values.hint(problem.instance, problem.validator_value)
    choices = [one for choice in problem.schema.get("oneOf", ()) for one in choice.get("enum", ())]
    if problem.validator == "oneOf" and choices and not isinstance(problem.instance, dict):
        message = f"{problem.instance!r} is not one of {choices}"
    if problem.validator == "additionalProperties":
        known = sorted(problem.schema.get("properties", {}))
        unknown = sorted(set(problem.instance) - set(known))
        message = f"unknown key {', '.join(unknown)}; known keys are {', '.join(known)}"
        message += "".join(f"; {MOVED[key]}" for name in unknown if (key := f"{where}.{name}") in MOVED)
    raise UserError(f"{where}: {message}{hint}")


def _fill(validator: Any, properties: Mapping[str, Any], instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    """jsonschema's keyword `properties`, which also sets what is left out."""
    if isinstance(instance, dict):
        for name, rule in properties.items():
            if "default" in rule:
                instance.setdefault(name, copy.deepcopy(rule["default"]))
    yield from jsonschema.Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)


_Filling = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"properties": _fill})
