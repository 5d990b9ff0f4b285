"""What the section `decode` of a configuration says to, and of, the engine that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_scripts.engines import ENGINES
from workflow_scripts.errors import UserError
from workflow_scripts.source_code import step_digest


def check(decode: Mapping[str, Any]) -> None:
    """Raise `UserError` for an option that is another engine's, unless it stands at its default."""
    for option, rule in ENGINES.options().items():
        if option not in ENGINES[decode["engine"]].options and decode[option] != rule["default"]:
            takers = " and ".join(ENGINES.takers(option))
            raise UserError(f"decode.{option}: engine {decode['engine']} takes none, it belongs to {takers}")


def for_kind(decode: Mapping[str, Any], plain: bool) -> dict[str, Any]:
    """The section as it is for a kind of system, by another engine where this one needs a `plain` model, which the
    kind does not have.
    """
    needed = not plain and decode["fallback"] and not ENGINES[decode["engine"]].effects
    return {**decode, "engine": decode["fallback"]} if needed else {**decode}


def search_of(decode: Mapping[str, Any]) -> dict[str, Any]:
    """How is searched, without options of other engines; which text is translated is the test set's affair."""
    others = ENGINES.options().keys() - ENGINES[decode["engine"]].options.keys()
    return {key: value for key, value in decode.items() if key not in {"split", "fallback", *others}}


def code_of(decode: Mapping[str, Any], kind: str, step: str = "decode") -> str:
    """What of the code, and which versions of the engine's packages, decide what is found.

    `kind` is the module of the system's kind, `step` the step that asks for translations.
    """
    engine = decode["engine"]
    packages = [f"{package} {found}" for package, found in ENGINES[engine].versions().items()]
    return ", ".join([step_digest(step, ENGINES.module(engine), kind), *packages])
