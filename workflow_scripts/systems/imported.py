"""Translations that exist already: there is no model, they are only scored."""

from __future__ import annotations

from pathlib import Path

from workflow_scripts.systems.kind import Config, Kind, Settings

CODE = ("systems.kind",)


def folder(config: Config, settings: Settings) -> Path:
    """The folder of the translations, below `outputs`."""
    return Path(config["outputs"]) / settings["translations"]


KIND = Kind(
    summary="translations that exist already",
    options={
        "translations": {"type": "string", "description": "A folder of existing translations that are only scored."}
    },
    required=("translations",),
    alone="existing translations go with no other key",
    texts=folder,
    fold=None,
)
