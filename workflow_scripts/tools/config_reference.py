"""Write the reference of all configuration keys, config/README.md, from config/schema.yaml and what is registered.

python -m workflow_scripts.tools.config_reference config/schema.yaml --output config/README.md
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts import errors
from workflow_scripts.files import write_text
from workflow_scripts.schema import load as load_schema

HEAD = """# Configuration keys

Made from [schema.yaml](schema.yaml) by `make config-reference`; a test keeps the two together. A configuration is one
YAML file ([config.yaml](config.yaml), [text.yaml](text.yaml), [ec30.yaml](ec30.yaml), …); single keys can be changed
on the command line (`--config seed=7 pairs=en-de,de-en`). Unknown keys are refused.

| key | type | default | meaning |
|---|---|---|---|
"""
Schema = Mapping[str, Any]


def rows(schema: Schema, definitions: Schema, prefix: str = "") -> Iterator[tuple[str, Schema]]:
    """`(dotted key, its schema)` of every key, in the schema's order; names that the user chooses stand as `<name>`."""
    named = dict(schema.get("properties", {}))
    free = schema.get("additionalProperties")
    if isinstance(free, Mapping) and free.get("properties"):
        named["<name>"] = free
    for key, value in named.items():
        resolved = resolve(value, definitions)
        yield prefix + key, resolved
        # Overrides are the keys of `training`, which stand there.
        if not value.get("$ref", "").endswith("overrides"):
            yield from rows(resolved, definitions, f"{prefix}{key}.")


def resolve(schema: Schema, definitions: Schema) -> Schema:
    """A schema with what it refers to; its own keys win."""
    if "$ref" not in schema:
        return schema
    found: Any = {"$defs": definitions}
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return {**found, **schema}


def kind(schema: Schema) -> str:
    """The type in a word or two, with the choices where there are some."""
    if "enum" in schema:
        return " \\| ".join(map(str, schema["enum"]))
    if "oneOf" in schema:
        return " or ".join(kind(choice) for choice in schema["oneOf"])
    types = schema.get("type", "object")
    return " or ".join([types] if isinstance(types, str) else types)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("schema", type=Path, help="schema of the configuration")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    args = parser.parse_args()
    schema = load_schema(args.schema)
    lines = []
    for key, value in rows(schema, schema["$defs"]):
        default = f"`{json.dumps(value['default'])}`" if value.get("default") not in (None, {}) else ""
        lines.append(f"| `{key}` | {kind(value)} | {default} | {' '.join(value.get('description', '').split())} |\n")
    write_text(args.output, HEAD + "".join(lines))


if __name__ == "__main__":
    errors.run(main)
