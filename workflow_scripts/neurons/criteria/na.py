"""NA-MNMT's allocation (Xie et al. 2021) on feed-forward neurons: general ones, and those of single directions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.neurons.criterion import Criterion, Indices, Kept, Layer, Neurons
from workflow_scripts.neurons.ranking import largest, part

CODE = ("neurons.criterion", "neurons.ranking")

COLUMNS = {"taylor": "taylor", "absolute": "abs_pre"}
"""Columns by what the published code calls the importance."""


def allocated(importance: NDArray[np.float64], ratio: float, partion: float) -> list[Indices]:
    """The neurons of each direction in one layer; `importance` is [directions, F], a mean over positions.

    General neurons are the fraction `ratio` of the layer with the largest sum of importance over directions; each
    other one belongs to every direction to which it is more important than `partion` times the most that it is to any.
    """
    others = np.ones(importance.shape[1], dtype=bool)
    others[largest(importance.sum(axis=0), part(ratio, importance.shape[1]))] = False
    own = importance > partion * importance.max(axis=0)
    return [np.flatnonzero(~others | mine).astype(np.int32) for mine in own]


def choose(neurons: Neurons, statistic: str, ratio: float, partion: float) -> Iterator[Kept]:
    """Every layer over all directions. Raises `ValueError` naming a layer whose importance is no finite number."""
    # In an order of their own, so that the sum over directions does not depend on that of files.
    layers: dict[Layer, dict[str, NDArray[np.float64]]] = {}
    for pair, layer, values in sorted(neurons.layers(), key=lambda place: place[:2]):
        mean = np.asarray(values[COLUMNS[statistic]], dtype=np.float64) / neurons.counted(pair, layer[0])
        if not np.isfinite(mean).all():
            raise ValueError(f"{pair}, {layer[0]} layer {layer[1]}: {COLUMNS[statistic]} is not a finite number")
        layers.setdefault(layer, {})[pair] = mean
    for layer, by_pair in layers.items():
        found = allocated(np.array(list(by_pair.values())), ratio, partion)
        yield from (Kept(pair, layer, kept) for pair, kept in zip(by_pair, found, strict=True))


CRITERION = Criterion(
    summary="general neurons and those of the direction, as NA-MNMT allocates them",
    label="neurons allocated as by NA-MNMT",
    choose=choose,
    options={
        "statistic": {"enum": list(COLUMNS), "description": "What importance is; taylor where left out."},
        "ratio": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "Fraction of the layer that is general; 0.7 where left out, as published.",
        },
        "partion": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Share of its largest importance above which a neuron is a direction's own; 0.9 where left "
            "out, as published.",
        },
    },
    defaults={"statistic": "taylor", "ratio": 0.7, "partion": 0.9},
    statistics=(),
    by_option={"statistic": {name: (column,) for name, column in COLUMNS.items()}},
    positions=True,
)
