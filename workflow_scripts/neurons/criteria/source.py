"""One set for all directions of a kind out of one language."""

from __future__ import annotations

from workflow_scripts.direction import Direction
from workflow_scripts.neurons.pooling import of_kind, pooled

CODE = ("neurons.criterion", "neurons.pooling", "neurons.ranking")

CRITERION = pooled(
    summary="the most active by rates pooled over a source language",
    label="neurons of source languages",
    group=of_kind(lambda neurons, pair: Direction.parse(pair).source),
)
