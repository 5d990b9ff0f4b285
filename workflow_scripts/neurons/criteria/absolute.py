"""NA-MNMT's "absolute" importance (Xie et al. 2021): how far from 0 a neuron is before the ReLU, on average."""

from __future__ import annotations

from workflow_scripts.neurons.ranking import ranked

CODE = ("neurons.criterion", "neurons.ranking")

CRITERION = ranked(
    summary="the largest mean size before the ReLU",
    label="neurons by size before the ReLU",
    score=lambda values: values["abs_pre"],
    statistics=("abs_pre",),
)
