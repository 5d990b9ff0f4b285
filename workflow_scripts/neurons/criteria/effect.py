"""The first-order change of the loss when a mask of this method switches the neuron off: Σ (relu(b1) − a) · gradient.

The neurons whose loss would rise most are kept. Scores may be negative, so no share of their sum can be asked for.
"""

from __future__ import annotations

from workflow_scripts.neurons.ranking import ranked

CODE = ("neurons.criterion", "neurons.ranking")

CRITERION = ranked(
    summary="those whose switching off would raise the loss most",
    label="neurons by effect on the loss",
    score=lambda values: values["effect"],
    statistics=("effect",),
    ways=("like", "fraction"),
)
