"""Fisher information of a switch on the neuron: the sum over sentences of (Σ activation · gradient)²."""

from __future__ import annotations

from workflow_scripts.neurons.ranking import ranked

CODE = ("neurons.criterion", "neurons.ranking")

CRITERION = ranked(
    summary="the most Fisher information",
    label="neurons by Fisher information",
    score=lambda values: values["fisher"],
    statistics=("fisher",),
)
