"""Neurons in descending order of a score: as many as asked, or the fewest that reach a share of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.neurons.criterion import LIKE, Criterion, Indices, Kept, Layer, Neurons, Schema

CODE = ("neurons.criterion",)

Threshold = float | str | Fraction
Thresholds = Threshold | Mapping[str, Mapping[str, Threshold]]
Score = Callable[[Mapping[str, NDArray[Any]]], ArrayLike]
"""From the statistics of a layer to a score [F] per neuron; the highest are kept."""

PERCENT: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 100}
K: Schema = {
    "description": "Threshold in percent, one number or one per direction type (en-x, x-en) and component.",
    "oneOf": [
        PERCENT,
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["en-x", "x-en"],
            "patternProperties": {
                "^(en-x|x-en)$": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["encoder", "decoder"],
                    "properties": {"encoder": PERCENT, "decoder": PERCENT},
                }
            },
        },
    ],
}
FRACTION: Schema = {
    "type": "number",
    "exclusiveMinimum": 0,
    "maximum": 1,
    "description": "Share of a layer's neurons that is kept.",
}
SIZES: Mapping[str, Schema] = {"like": LIKE, "k": K, "fraction": FRACTION}
"""The ways to say how many neurons are kept."""


def thresholds(k: Thresholds, kind: str) -> Mapping[str, Threshold]:
    """k per component for a direction of that kind; `k` is one number, or `{"en-x": {"encoder": 95, …}, "x-en": …}`.

    A direction from the pivot is `en-x`, every other takes what stands for `x-en`.
    """
    if isinstance(k, Mapping):
        return k["en-x" if kind == "en-x" else "x-en"]
    return {"encoder": k, "decoder": k}


def part(fraction: Threshold, whole: int) -> int:
    """A fraction, read as a decimal, of `whole`: the nearest whole number (the higher of two), but at least 1."""
    return max(1, int(Fraction(str(fraction)) * whole + Fraction(1, 2)))


def largest(scores: ArrayLike, size: int) -> Indices:
    """The `size` neurons with the highest scores [F], equal ones by the lower index first, as sorted indices.

    Raises `ValueError` for a score that is not a finite number.
    """
    return np.sort(_descending(_checked(scores))[:size]).astype(np.int32)


def reaching(scores: ArrayLike, k: Threshold) -> Indices:
    """The fewest neurons, in descending order of score, that have at least `k` percent of the sum of scores [F].

    Equal scores come by the lower index first; the neuron that crosses the line is kept. The arithmetic is exact: `k`
    is read as a decimal, the sums are integers (`exact`). Returns sorted indices. Raises `ValueError` when k is
    outside (0, 100], or a score is negative or no finite number, or none is above 0.
    """
    share = Fraction(str(k)) / 100
    if not 0 < share <= 1:
        raise ValueError(f"k = {k} is outside (0, 100]")
    scores = exact(_checked(scores))
    if scores.size and scores.min() < 0:
        raise ValueError("scores cannot be negative where k percent of their sum are kept")
    total = int(scores.sum())
    if total == 0:
        raise ValueError("no score is above 0, so no neuron can be selected")
    order = _descending(scores)
    target = -(-total * share.numerator // share.denominator)
    kept = np.searchsorted(np.cumsum(scores[order]), target) + 1
    return np.sort(order[:kept]).astype(np.int32)


def exact(scores: NDArray[Any]) -> NDArray[Any]:
    """Integers in the proportions of `scores`: integers as they are, float64 times their common power of two."""
    if scores.dtype.kind != "f":
        return scores
    ratios = [value.as_integer_ratio() for value in scores.tolist()]
    common = max((below for _, below in ratios), default=1)
    return np.array([above * (common // below) for above, below in ratios], dtype=object)


def selected(
    neurons: Neurons,
    scores: Callable[[str, Layer], ArrayLike],
    k: Thresholds | None = None,
    fraction: float | None = None,
) -> Iterator[Kept]:
    """The neurons with the highest `scores(pair, layer)` [F] of every layer.

    They are as many as reach `k` percent of the sum of scores, or a fraction of the layer, or, with neither, as the
    system keeps that is copied. Raises `ValueError` naming direction and layer where scores are none.
    """
    if k is None and fraction is None:
        wanted = [(pair, layer, len(kept)) for pair, layer, kept in neurons.copied()]
    else:
        wanted = [(pair, layer, None) for pair, layer, _ in neurons.layers()]
    for pair, layer, size in wanted:
        try:
            found = scores(pair, layer)
            if k is not None:
                limit = thresholds(k, neurons.kinds[pair])[layer[0]]
                yield Kept(pair, layer, reaching(found, limit), float(limit))
            else:
                size = part(fraction, np.size(found)) if fraction is not None else size
                yield Kept(pair, layer, largest(found, size))
        except ValueError as error:
            raise ValueError(f"{pair}, {layer[0]} layer {layer[1]}: {error}") from None


def ranked(
    summary: str, label: str, score: Score, statistics: tuple[str, ...], ways: tuple[str, ...] = tuple(SIZES)
) -> Criterion:
    """A criterion that keeps the neurons with the highest score; `ways` are those of `SIZES` that it takes."""

    def choose(neurons: Neurons, k: Thresholds | None = None, fraction: float | None = None) -> Iterator[Kept]:
        return selected(neurons, lambda pair, layer: score(neurons.statistics[pair][layer]), k, fraction)

    return Criterion(
        summary=summary,
        label=label,
        choose=choose,
        options={way: SIZES[way] for way in ways},
        one_of=ways,
        statistics=statistics,
    )


def _checked(scores: ArrayLike) -> NDArray[Any]:
    scores = np.asarray(scores)
    if scores.dtype.kind == "f" and not np.isfinite(scores).all():
        wrong = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise ValueError(f"the score of neuron {wrong} is {scores[wrong]}, not a finite number")
    return scores


def _descending(scores: NDArray[Any]) -> NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")
