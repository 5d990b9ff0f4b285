"""One set for all directions of a kind whose languages are of the same families: what relatives have in common."""

from __future__ import annotations

from workflow_scripts.neurons.pooling import families, of_kind, pooled

CODE = ("neurons.criterion", "neurons.pooling", "neurons.ranking")

CRITERION = pooled(
    summary="the most active by rates pooled over a language family",
    label="neurons of language families",
    group=of_kind(families),
    families=True,
)
