"""The model of a system for one direction, converted for CTranslate2 once and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workflow_scripts.direction import Direction
from workflow_scripts.engines.system_model import SystemModel
from workflow_scripts.files import sha256
from workflow_scripts.formats.kept_models import kept_model
from workflow_scripts.source_code import declared, digest

MADE_BY = (
    "corpus.symbols",
    "formats.architecture",
    "formats.checkpoint",
    "formats.ctranslate2_model",
    "formats.ctranslate2_specs",
    "formats.fairseq_settings",
    "formats.folded",
)
"""The modules that decide what a converted model is."""
ANY = "any-direction"
"""Folder of the model of a system whose model is the same for all directions."""


def made_model(model: SystemModel, pair: Direction, compute_type: str) -> Path:
    """The folder of the model, within the system's cache. Raises `UserError` as `SystemModel` does."""
    variant = model.variant
    only = str(pair) if variant.directional else None
    made = {
        "checkpoint": sha256(model.checkpoint),
        **variant.made_from(),
        "pair": only,
        "compute_type": compute_type,
        "code": digest([*MADE_BY, variant.module, *declared(variant.module)]),
        **model.manifest.vocabulary,
    }

    def make(folder: Path) -> dict[str, Any]:
        from workflow_scripts.formats.ctranslate2_model import convert
        from workflow_scripts.formats.folded import aligned, folded_state

        state, kept = model.plain(pair)
        state = state if kept is None else folded_state(state, kept, aligned)
        convert(state, model.architecture, model.symbols, compute_type, folder)
        return {"system": model.name}

    return kept_model(model.cache / (only or ANY) / compute_type, made, make)[0]
