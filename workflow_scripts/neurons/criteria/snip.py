"""SNIP (Lee et al. 2019) for neurons: |Σ activation · gradient|, how much the loss depends on the neuron at all."""

from __future__ import annotations

import numpy as np

from workflow_scripts.neurons.ranking import ranked

CODE = ("neurons.criterion", "neurons.ranking")

CRITERION = ranked(
    summary="the largest Σ activation · gradient, whatever its sign (SNIP)",
    label="neurons by SNIP's score",
    score=lambda values: np.abs(values["snip"]),
    statistics=("snip",),
)
