"""The control: the same further training as a masked system has, without masks."""

from __future__ import annotations

from workflow_scripts.systems.kind import Kind

CODE = ("systems.kind",)

KIND = Kind(
    summary="trained on from the baseline without masks",
    options={
        "continue": {
            "type": "boolean",
            "default": False,
            "description": "Train on from the baseline without masks, for as long as a masked system (the control).",
        }
    },
    required=("continue",),
    alone="`continue` trains without masks, from the baseline, so it goes with `training` alone",
    trains=True,
)
