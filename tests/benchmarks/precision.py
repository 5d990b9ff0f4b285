"""What half precision in recording does to the masks of a trained model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.benchmarks import reference
from workflow_scripts.direction import Direction
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.fairseq_plugin.datasets import batches, collate, load_direction
from workflow_scripts.fairseq_plugin.recorder import record
from workflow_scripts.neurons.criteria.cumulative import specialized
from workflow_scripts.neurons.overlap import iou


def effect(folder: Path, device: str, k: float = 95) -> dict[str, dict[str, float]]:
    """Per number format: share of counters unlike fp32's, and mean and least overlap (IoU) of masks with fp32's."""
    manifest = reference.manifest(folder)
    pairs = list(json.loads((folder / "masks_k95.json").read_text()))
    counts = {}
    for precision in ("fp32", "fp16", "bf16"):
        model, dictionary, _ = transformer.load_model(folder / "checkpoints/baseline.pt", manifest)
        model = transformer.cast(model.to(transformer.device(device)), precision)
        for pair in pairs:
            dataset = load_direction(manifest.shards, "valid", Direction.parse(pair), dictionary)
            of_pair = (collate(dataset, lines) for lines in batches(dataset, 2000, None))
            found, _ = record(model, of_pair, dictionary.pad())
            counts |= {(precision, pair, *key): columns["count"] for key, columns in found.items()}
    layers = [key[1:] for key in counts if key[0] == "fp32"]
    effects = {}
    for precision in ("fp16", "bf16"):
        both = [(counts["fp32", *key], counts[precision, *key]) for key in layers]
        overlaps = [iou([specialized(a, k), specialized(b, k)], len(a))[0, 1] for a, b in both]
        effects[precision] = {
            "counters": float(np.mean([a != b for a, b in both])),
            "mean": float(np.mean(overlaps)),
            "least": float(np.min(overlaps)),
        }
    return effects
