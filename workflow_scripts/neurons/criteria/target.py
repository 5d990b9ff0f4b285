"""One set for all directions of a kind into one language."""

from __future__ import annotations

from workflow_scripts.direction import Direction
from workflow_scripts.neurons.pooling import of_kind, pooled

CODE = ("neurons.criterion", "neurons.pooling", "neurons.ranking")

CRITERION = pooled(
    summary="the most active by rates pooled over a target language",
    label="neurons of target languages",
    group=of_kind(lambda neurons, pair: Direction.parse(pair).target),
)
