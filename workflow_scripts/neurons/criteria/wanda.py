"""Wanda (Sun et al. 2024) for neurons: the norm of the outgoing weights times the root mean square of what fires."""

from __future__ import annotations

import numpy as np

from workflow_scripts.neurons.ranking import ranked

CODE = ("neurons.criterion", "neurons.ranking")

CRITERION = ranked(
    summary="the largest weight norm times activation (Wanda)",
    label="neurons by Wanda's score",
    # All neurons of a layer are summed over the same positions, so that the mean ranks as the sum does.
    score=lambda values: values["w2_norm"] * np.sqrt(values["sum_sq"]),
    statistics=("w2_norm", "sum_sq"),
)
