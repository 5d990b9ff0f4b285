"""The schema of configurations: config/schema.yaml, filled with what is registered.

A property `registered: criteria` takes the names of that registry (of which an array takes several); the options of
its entries stand beside it. An object `registered: kinds`, whose entries are told by their options, takes these.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.corpus.sources import SOURCES
from workflow_scripts.engines import ENGINES
from workflow_scripts.formats import READABLE
from workflow_scripts.neurons.criteria import CRITERIA
from workflow_scripts.registry import Registry
from workflow_scripts.scoring.identifiers import IDENTIFIERS
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.systems import KINDS

REGISTRIES: Mapping[str, Registry[Any]] = {
    "criteria": CRITERIA,
    "engines": ENGINES,
    "formats": READABLE,
    "identifiers": IDENTIFIERS,
    "kinds": KINDS,
    "metrics": METRICS,
    "sources": SOURCES,
}
MARK = "registered"


def load(path: Path) -> dict[str, Any]:
    """The schema in a YAML file, complete."""
    # The C loader: Snakemake asks for the schema at every start.
    rules = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    _fill(rules)
    return rules


def _fill(rules: Any) -> None:
    """Fill a schema, and all below it, in place."""
    if isinstance(rules, list):
        for part in rules:
            _fill(part)
    elif isinstance(rules, dict):
        if "properties" in rules and (registry := rules.pop(MARK, None)):
            rules["properties"] = REGISTRIES[registry].options(said=False) | rules["properties"]
            rules["description"] = _described(rules, REGISTRIES[registry])
        for key in list(rules.get("properties", {})):
            chosen = rules["properties"][key]
            place = chosen.get("items", chosen) if isinstance(chosen, dict) else {}
            if "properties" not in place and (registry := place.pop(MARK, None)):
                rules["properties"] = _with_options(rules["properties"], key, REGISTRIES[registry])
        for part in rules.values():
            _fill(part)


def _with_options(properties: Mapping[str, Any], key: str, registry: Registry[Any]) -> dict[str, Any]:
    """Properties with the names that `key` may have, and, behind it, the options of each."""
    chosen = dict(properties[key])
    names = {"enum": list(registry)}
    chosen |= {"items": {**chosen["items"], **names}} if "items" in chosen else names
    chosen["description"] = _described(chosen, registry)
    filled: dict[str, Any] = {}
    for name, rule in properties.items():
        filled[name] = chosen if name == key else rule
        if name == key:
            filled |= registry.options()
    return filled


def _described(rules: Mapping[str, Any], registry: Registry[Any]) -> str:
    """The description of a schema, and in a line what each entry is."""
    summaries = "; ".join(f"{name} - {registry[name].summary}" for name in registry)
    return f"{' '.join(rules.get('description', '').split())} {summaries}.".lstrip()
