"""The criteria by which neurons are chosen: a module each, with a line here."""

from __future__ import annotations

from workflow_scripts.neurons.criterion import Criterion
from workflow_scripts.registry import Registry

CRITERIA: Registry[Criterion] = Registry(
    "criterion",
    "neurons.criteria",
    "CRITERION",
    {
        "cumulative": "cumulative",
        "random": "random",
        "top": "top",
        "frequency": "frequency",
        "absolute": "absolute",
        "wanda": "wanda",
        "magnitude": "magnitude",
        "fisher": "fisher",
        "snip": "snip",
        "taylor": "taylor",
        "effect": "effect",
        "lape": "lape",
        "na": "na",
        "family": "family",
        "source": "source",
        "target": "target",
        "same": "same",
        "permuted": "permuted",
        "exchanged": "exchanged",
        "inverse": "inverse",
    },
)
