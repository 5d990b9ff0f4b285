"""The size of a neuron's own weights, whatever the text: the norm of its row of W1 times that of its column of W2."""

from __future__ import annotations

from workflow_scripts.neurons.ranking import ranked

CODE = ("neurons.criterion", "neurons.ranking")

CRITERION = ranked(
    summary="the largest norms of the neuron's own weights, without data",
    label="neurons by weight norm",
    score=lambda values: values["w1_norm"] * values["w2_norm"],
    statistics=("w1_norm", "w2_norm"),
)
