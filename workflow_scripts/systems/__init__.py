"""The kinds of system that can be scored: a module each, with a line here."""

from __future__ import annotations

from workflow_scripts.registry import Registry
from workflow_scripts.systems.kind import Kind

KINDS: Registry[Kind] = Registry(
    "kind of system",
    "systems",
    "KIND",
    {
        "masks": "masks",
        "imported": "imported",
        "dense": "dense",
        "given": "given",
        "scale": "scale",
        "bias": "bias",
        "lora": "lora",
        "adapters": "adapters",
    },
)
