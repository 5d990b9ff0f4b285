"""First-order Taylor importance: Σ |activation · gradient| over positions (as NA-MNMT, Xie et al. 2021)."""

from __future__ import annotations

from workflow_scripts.neurons.ranking import ranked

CODE = ("neurons.criterion", "neurons.ranking")

CRITERION = ranked(
    summary="the largest sum of sizes of activation · gradient (Taylor)",
    label="neurons by Taylor importance",
    score=lambda values: values["taylor"],
    statistics=("taylor",),
)
