"""The metrics: a module each, with a line here. Tables and figures have them in this order."""

from __future__ import annotations

from workflow_scripts.registry import Registry
from workflow_scripts.scoring.metric import Metric

METRICS: Registry[Metric] = Registry(
    "metric",
    "scoring.metrics",
    "METRIC",
    {
        "bleu": "bleu",
        "chrf++": "chrf",
        "spbleu": "spbleu",
        "ter": "ter",
        "comet": "comet",
    },
)
