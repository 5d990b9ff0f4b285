"""Where the neuron sets of an analysis come from: a system's masks, or counts at another threshold."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.artifacts import Mask, read_activations, read_masks
from workflow_scripts.errors import UserError
from workflow_scripts.neurons.criteria import CRITERIA
from workflow_scripts.neurons.criteria.cumulative import specialized
from workflow_scripts.neurons.criterion import coverage


@dataclass(frozen=True)
class Selection:
    """Neuron sets of all directions, and `label`: what they are (`specialized neurons, k = 95`)."""

    masks: list[Mask]
    label: str


def from_masks(path: Path) -> Selection:
    """The masks of a system."""
    masks = read_masks(path)
    select = masks.metadata.get("select", "no known criterion")
    label = CRITERIA[select].label if select in CRITERIA else f"neurons selected by {select}"
    return Selection(masks.rows, _labelled(label, sorted({mask.k for mask in masks.rows if mask.k is not None})))


def from_activations(paths: Sequence[Path], k: float) -> Selection:
    """What the cumulative threshold `k` (percent) selects from activation counts, whatever systems use."""
    masks = []
    for path in paths:
        found = read_activations(path)
        for (component, layer), counts in found.counts.items():
            try:
                kept = specialized(counts, k)
            except ValueError as error:
                raise UserError(f"{path}, {component} layer {layer}: {error}") from None
            masks.append(Mask(found.pair, component, layer, len(counts), kept, k, coverage(counts, kept)))
    return Selection(masks, _labelled(CRITERIA["cumulative"].label, [k]))


def _labelled(label: str, thresholds: Sequence[float]) -> str:
    return f"{label}, k = {', '.join(f'{k:g}' for k in thresholds)}" if thresholds else label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that name a selection on a command line."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--masks", type=Path, help="masks of a system")
    source.add_argument("--activations", type=Path, nargs="+", help="activation counts, selected at --k")
    parser.add_argument("--k", type=float, help="threshold in percent for --activations")


def from_arguments(args: argparse.Namespace) -> Selection:
    """The selection that `add_arguments` describes."""
    return from_masks(args.masks) if args.masks else from_activations(args.activations, args.k)
