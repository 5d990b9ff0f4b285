"""The opposite control: as many neurons as another system keeps, those that fire least often."""

from __future__ import annotations

from workflow_scripts.neurons.ranking import ranked

CODE = ("neurons.criterion", "neurons.ranking")

CRITERION = ranked(
    summary="as many as another system keeps, the least active first",
    label="least active neurons",
    score=lambda values: -values["count"],
    statistics=("count",),
    ways=("like",),
)
