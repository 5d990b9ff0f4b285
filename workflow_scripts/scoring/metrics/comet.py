"""COMET (Rei et al. 2020), by the library unbabel-comet."""

from __future__ import annotations

from workflow_scripts.scoring.metric import Learned, learned_option

CODE = ("scoring.comet_worker", "scoring.metric")

METRIC = Learned(
    summary="a neural model's judgement",
    name="COMET",
    digits=3,
    leading_zero=False,
    thresholds={"model:wmt22-comet-da": "comet22"},
    points=100,
    options={
        "comet": learned_option(
            "COMET, in an environment of its own (`python3 envs/create.py comet`).",
            "Name of a model (`Unbabel/wmt22-comet-da`, the paper's) or a local checkpoint; the metric is on where it "
            "is set.",
        )
    },
    required="comet.model",
    environment="comet",
    worker="workflow_scripts.scoring.comet_worker",
)
