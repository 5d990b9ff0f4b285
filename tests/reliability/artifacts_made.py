"""Small artefacts as the pipeline writes them, for what reads them to begin with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.artifacts import (
    STATISTICS,
    Activations,
    Mask,
    write_activations,
    write_masks,
    write_segments,
    write_translations,
)
from workflow_scripts.artifacts_crossed import write_crossed
from workflow_scripts.batch import stamp
from workflow_scripts.neurons.criterion import GRADIENTS
from workflow_scripts.reporting import crossed

LAYERS = [("encoder", 0), ("decoder", 0)]


def neurons(found: Activations) -> None:
    """What is asked of activations."""
    _ = found.counts, found.widths, found.positions, found.counting("all").counts, found.half(1).counts
    found.digest(["count", "sum"])


def make_artifacts(folder: Path) -> Path:
    """Write one of each kind to `folder`, and return it."""
    made = stamp({"format": 2, "code": "0"})
    names = [name for name in STATISTICS if name not in GRADIENTS]
    values = {
        layer: {
            name: np.arange(6, dtype=float if "sum" in name or "norm" in name or "abs" in name else int)
            for name in names
        }
        for layer in LAYERS
    }
    positions = {"encoder": 9, "decoder": 9}
    about = {f"counted_positions{kind}": positions for kind in ("", "_all", "_even")}
    write_activations(folder / "activations.parquet", values, {"pair": "en-de", **about, **made})
    rows = [Mask("en-de", *layer, 6, np.array([0, 2, 5], np.int32), 95.0, 0.9, 0.8) for layer in LAYERS]
    write_masks(folder / "masks.parquet", rows, made)
    lines = [{"id": n, "source": "a b", "reference": "c", "hypothesis": f"d {n}", "score": -0.5} for n in range(3)]
    write_translations(folder / "translations.parquet", lines, made | {"pair": "en-de", "system": "ns"})
    write_crossed(folder / "crossed.parquet", [{"pair": "en-de", **line} for line in lines], made)
    segments = [{"text": "raw", "metric": "BLEU", "id": n, "score": None, "statistics": [n, 2, 3]} for n in range(3)]
    segments += [{"text": "raw", "metric": "COMET", "id": n, "score": 0.5, "statistics": None} for n in range(3)]
    write_segments(folder / "segments.parquet", segments, made)
    score = {"test_set": "test", "system": "ns", "pair": "en-de", "metric": "BLEU", "text": "raw", "score": 20.5}
    pd.DataFrame([score, score | {"pair": "de-en"}]).to_csv(folder / "directions.csv", index=False)
    place = {"selection": "ns", "neurons": "k = 95", "component": "encoder", "layer": 0, "type": "M2O"}
    overlap = place | {"first": "de", "second": "nl", "same_family": True, "iou": 0.5, "corrected": 0.2, "kept": 0.1}
    pd.DataFrame([overlap]).to_csv(folder / "overlap.csv", index=False)
    family = place | {"within": 0.5, "corrected_within": 0.2, "p": 0.04, "kept_p": 0.5, "halves": 0.9, "note": ""}
    pd.DataFrame([family, family | {"layer": "all"}]).to_csv(folder / "families.csv", index=False)
    pd.DataFrame([["ns", "en-x", "en-de", "en-de", "BLEU", "raw", 20.5, 8]], columns=list(crossed.COLUMNS)).to_csv(
        folder / "crossed.csv", index=False
    )
    return folder
