"""A model as it is: the baseline, or a trained checkpoint to evaluate."""

from __future__ import annotations

from workflow_scripts.systems.kind import CHECKPOINT, Kind

CODE = ("systems.kind",)

KIND = Kind(summary="the baseline, or a checkpoint, as it is", options={"checkpoint": CHECKPOINT})
