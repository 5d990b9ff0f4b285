"""The paper's criterion: the fewest neurons that have k percent of a layer's activations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from workflow_scripts.neurons.criterion import Criterion, Indices, Kept, Neurons
from workflow_scripts.neurons.ranking import K, Threshold, Thresholds, reaching, thresholds

CODE = ("neurons.criterion", "neurons.ranking")


def specialized(counts: ArrayLike, k: Threshold) -> Indices:
    """The specialized neurons of one layer (Tan et al. 2024, section 3.2).

    The neurons are taken in descending order of `counts` (int [F], activation counts), equal counts by the lower
    index first, until the counts taken add up to at least `k` percent of all; the neuron that crosses the line is
    kept. The arithmetic is exact: `k` is read as a decimal, the sums are integers.

    Returns the kept neurons as sorted int32 indices. Raises `ValueError` when k is outside (0, 100], a count is
    negative, or the layer never fired (then no neuron is specialized, and keeping none would be silently wrong).
    """
    counts = np.asarray(counts, dtype=np.int64)
    if counts.size and counts.min() < 0:
        raise ValueError("activation counts cannot be negative")
    if not counts.any():
        raise ValueError("no neuron of the layer was ever active, so none can be selected")
    return reaching(counts, k)


def choose(neurons: Neurons, k: Thresholds) -> Iterator[Kept]:
    """`specialized` for every layer of every direction."""
    for pair, layer, values in neurons.layers():
        limit = thresholds(k, neurons.kinds[pair])[layer[0]]
        try:
            yield Kept(pair, layer, specialized(values["count"], limit), float(limit))
        except ValueError as error:
            raise ValueError(f"{pair}, {layer[0]} layer {layer[1]}: {error}") from None


CRITERION = Criterion(
    summary="the fewest neurons with k % of the activations",
    label="specialized neurons",
    choose=choose,
    options={"k": K},
    required=("k",),
)
