"""The identifiers of languages: a module each, with a line here."""

from __future__ import annotations

from workflow_scripts.registry import Registry
from workflow_scripts.scoring.identifier import Identifier

IDENTIFIERS: Registry[Identifier] = Registry(
    "identifier of languages",
    "scoring.identifiers",
    "IDENTIFIER",
    {
        "own": "own",
        "heliport": "heliport",
        "none": "none",
    },
)
