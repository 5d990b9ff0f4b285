"""Settings as words of a command line, quoted for the shell."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any


def as_json(value: Any, in_order: bool = False) -> str:
    """A nested setting as one argument (to be quoted by `:q`), keys sorted, or in their own order if that counts."""
    return json.dumps(value, sort_keys=not in_order)


def as_options(settings: Mapping[str, Any]) -> str:
    """Settings as quoted options: `max_tokens: 9` is `--max-tokens 9`; None and empty lists are left out.

    A list becomes several words after one option, a mapping becomes JSON.
    """
    words = []
    for key, value in settings.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        if len(values) and values[0] is not None:
            texts = [as_json(item) if isinstance(item, Mapping) else str(item) for item in values]
            words += [f"--{key.replace('_', '-')}", *texts]
    return shlex.join(words)


def add_options(parser: argparse.ArgumentParser, schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Options for settings that a schema describes, as `as_options` writes them; what is no text is read as JSON.

    What is not given is None.
    """
    for key, schema in schemas.items():
        item = schema.get("items", schema)
        many = {"nargs": "+"} if schema.get("type") == "array" else {}
        text = schema["description"].replace("%", "%%")
        parser.add_argument(
            f"--{key.replace('_', '-')}",
            type=str if "enum" in item or "string" in item.get("type", "") else json.loads,
            choices=item.get("enum"),
            help=text,
            **many,
        )


def as_text(value: Any) -> Any:
    """A nest of mappings and lists with plain texts at its leaves."""
    if isinstance(value, Mapping):
        return {key: as_text(part) for key, part in value.items()}
    return list(map(as_text, value)) if isinstance(value, (list, tuple)) else str(value)


def alternatives(names: Iterable[Any]) -> str:
    """A regular expression that matches exactly these names."""
    return "|".join(re.escape(str(name)) for name in names) or "(?!)"
