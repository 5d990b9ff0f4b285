"""Which neurons a direction keeps: the cumulative threshold, and the random control."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.int32]
Layer = tuple[str, int]
"""A component and the number of one of its layers."""
Threshold = float | str | Fraction


def thresholds(k: Threshold | Mapping[str, Mapping[str, Threshold]], kind: str) -> Mapping[str, Threshold]:
    """k per component for a direction of that kind; `k` is one number, or `{"en-x": {"encoder": 95, …}, "x-en": …}`.

    A direction from the pivot is `en-x`, every other takes what stands for `x-en`.
    """
    if isinstance(k, Mapping):
        return k["en-x" if kind == "en-x" else "x-en"]
    return {"encoder": k, "decoder": k}


def cumulative(
    counts: Mapping[Layer, ArrayLike], limits: Mapping[str, Threshold]
) -> Iterator[tuple[Layer, Indices, float]]:
    """`specialized` for every layer of one direction: the layer, its kept neurons and their `coverage`.

    `limits` is k per component; a component without one is left out. Raises `ValueError` naming the layer.
    """
    for (component, layer), values in counts.items():
        if component not in limits:
            continue
        try:
            kept = specialized(values, limits[component])
        except ValueError as error:
            raise ValueError(f"{component} layer {layer}: {error}") from None
        yield (component, layer), kept, coverage(values, kept)


def specialized(counts: ArrayLike, k: Threshold) -> Indices:
    """The specialized neurons of one layer (Tan et al. 2024, section 3.2).

    The neurons are taken in descending order of `counts` (int [F], activation counts), equal counts by the lower
    index first, until the counts taken add up to at least `k` percent of all; the neuron that crosses the line is
    kept. The arithmetic is exact: `k` is read as a decimal, the sums are integers.

    Returns the kept neurons as sorted int32 indices. Raises `ValueError` when k is outside (0, 100], a count is
    negative, or the layer never fired (then no neuron is specialized, and keeping none would be silently wrong).
    """
    share = Fraction(str(k)) / 100
    if not 0 < share <= 1:
        raise ValueError(f"k = {k} is outside (0, 100]")
    counts = np.asarray(counts, dtype=np.int64)
    if counts.size and counts.min() < 0:
        raise ValueError("activation counts cannot be negative")
    total = int(counts.sum())
    if total == 0:
        raise ValueError("no neuron of the layer was ever active, so none can be selected")
    order = np.argsort(-counts, kind="stable")
    target = -(-total * share.numerator // share.denominator)
    kept = np.searchsorted(np.cumsum(counts[order]), target) + 1
    return np.sort(order[:kept]).astype(np.int32)


def random_neurons(size: int, ffn_dim: int, seed: int, *names: object) -> Indices:
    """`size` of `ffn_dim` neurons drawn without replacement: the control for `specialized`.

    The draw depends on `seed` and `names` (pair, component, layer) alone, so it is the same whichever other layers or
    directions are drawn with it. Returns sorted int32 indices.
    """
    key = "/".join(map(str, (seed, *names)))
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest())))
    return np.sort(generator.choice(ffn_dim, size=size, replace=False)).astype(np.int32)


def coverage(counts: ArrayLike, kept: ArrayLike) -> float:
    """Share of all activations that the kept neurons account for, between 0 and 1 (0 where nothing fired)."""
    counts = np.asarray(counts, dtype=np.int64)
    total = int(counts.sum())
    return int(counts[np.asarray(kept, dtype=np.int64)].sum()) / total if total else 0.0
