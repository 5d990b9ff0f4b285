"""A trained model with its text and masks, where the reference data is at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from workflow_scripts.artifacts import Mask, Masks
from workflow_scripts.corpus.manifest import Manifest


def folder() -> Path | None:
    """The data's folder, None where there is none."""
    path = Path(os.environ.get("NS_SHARED", Path(__file__).parents[3] / "shared")) / "reference-tiny"
    return path if path.is_dir() else None


def manifest(folder: Path) -> Manifest:
    """Its data-bin, as a run's manifest describes it."""
    content = {
        "shards": ["data-bin"],
        "languages": ["en", "nl", "af", "es", "pt", "ru"],
        "dictionary": "text/dict.txt",
    }
    return Manifest(folder / "manifest.json", content)


def masks(folder: Path, ffn_dim: int) -> Masks:
    """The masks (k = 95) that its NS model was trained with."""
    content = json.loads((folder / "masks_k95.json").read_text())
    rows = []
    for pair, layers in content.items():
        for key, neurons in layers.items():
            component, layer = key.split(".")
            rows.append(Mask(pair, component, int(layer), ffn_dim, np.array(neurons, np.int32), 95.0, 0.95))
    return Masks(rows, {})
