"""A fixed share of every layer: the neurons that fire most often."""

from __future__ import annotations

from workflow_scripts.neurons.ranking import ranked

CODE = ("neurons.criterion", "neurons.ranking")

CRITERION = ranked(
    summary="a fraction of the layer, those that fire most often",
    label="most active neurons",
    score=lambda values: values["count"],
    statistics=("count",),
    ways=("fraction",),
)
