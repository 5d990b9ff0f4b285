"""What no value of a configuration may be, whichever its key: infinite, not a number, or of several lines.

Also why YAML has read something else than was meant, in words for whoever wrote it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflow_scripts.errors import UserError

EXPONENT = re.compile(r"[-+]?\d+(?:\.\d*)?[eE][-+]?\d+")
"""Numbers that YAML 1.1 reads as text: they lack the point, or the sign of the exponent."""
SPOKEN = {False: "no, off and false", True: "yes, on and true"}
BRACES = re.compile(r"[{}]")


def check(config: Mapping[str, Any]) -> None:
    """Raise `UserError` naming the key of the first value that no key can take, or whose key is no text."""
    for key, value in _values(config, ""):
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{key}: {value} is no number to compute with; give a finite one, or leave the key out")
        if isinstance(value, str):
            _check_text(key, value)


def _values(part: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(part, Mapping):
        for name, value in part.items():
            if not isinstance(name, str):
                said = f"; YAML reads {SPOKEN[name]} like this" if isinstance(name, bool) else ""
                raise UserError(f"{where or 'the configuration'}: the key {name} is no text{said}; write it in quotes")
            _check_text(f"a key of {where or 'the configuration'}", name)
            yield from _values(value, f"{where}.{name}" if where else name)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for number, value in enumerate(part):
            yield from _values(value, f"{where}.{number}")
    else:
        yield where, part


def _check_text(where: str, text: str) -> None:
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise UserError(
            f"{where}: {text!r} holds a line end or another control character, which neither names nor paths may have "
            "(a text after `|` or `>` in YAML ends in a line end; write it on the line of its key)"
        )


def check_path(key: str, path: str | None) -> None:
    """Raise `UserError` for a path that Snakemake would take for a pattern."""
    if path and BRACES.search(path):
        raise UserError(
            f"{key}: {path!r} has a brace, which Snakemake takes for a wildcard; rename the file or folder, or "
            "point to it by a link without braces"
        )


def hint(instance: Any, wanted: Any) -> str:
    """Why a value is not of the type that was wanted, where YAML's rules are the reason; else nothing."""
    types = [wanted] if isinstance(wanted, str) else list(wanted or [])
    if isinstance(instance, str) and {"number", "integer"} & set(types) and EXPONENT.fullmatch(instance):
        digits, _, power = instance.lower().partition("e")
        point = digits if "." in digits else f"{digits}.0"
        sign = power if power[0] in "+-" else f"+{power}"
        return f"; YAML reads {instance} as text: write {point}e{sign}"
    if isinstance(instance, bool) and "boolean" not in types and "string" in types:
        return f"; YAML reads {SPOKEN[instance]} like this: write the text in quotes"
    return ""
