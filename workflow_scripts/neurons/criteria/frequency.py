"""The neurons that fire at least at a share of the positions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from workflow_scripts.neurons.criterion import Criterion, Kept, Neurons

CODE = ("neurons.criterion",)


def choose(neurons: Neurons, threshold: float) -> Iterator[Kept]:
    """Every layer of every direction. Raises `ValueError` naming both where no neuron fires so often."""
    for pair, layer, values in neurons.layers():
        where = f"{pair}, {layer[0]} layer {layer[1]}"
        # The threshold is a decimal: a count is a whole number, so the least one that reaches it is, too.
        least = math.ceil(Fraction(str(threshold)) * neurons.counted(pair, layer[0]))
        kept = np.flatnonzero(values["count"] >= least).astype(np.int32)
        if not kept.size:
            raise ValueError(f"{where}: no neuron fires at {threshold:g} of the positions, so none can be selected")
        yield Kept(pair, layer, kept)


CRITERION = Criterion(
    summary="those that fire at a share of the positions or more",
    label="frequently active neurons",
    choose=choose,
    options={
        "threshold": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "Share of the positions at which a neuron fires at least.",
        }
    },
    required=("threshold",),
    positions=True,
)
