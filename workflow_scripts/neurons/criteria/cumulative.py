"""The paper's criterion: the fewest neurons that have k percent of a layer's activations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from workflow_scripts.neurons.criterion import Criterion, Indices, Kept, Neurons, Schema

CODE = ("neurons.criterion",)

Threshold = float | str | Fraction
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


def thresholds(k: Threshold | Mapping[str, Mapping[str, Threshold]], kind: str) -> Mapping[str, Threshold]:
    """k per component for a direction of that kind; `k` is one number, or `{"en-x": {"encoder": 95, …}, "x-en": …}`.

    A direction from the pivot is `en-x`, every other takes what stands for `x-en`.
    """
    if isinstance(k, Mapping):
        return k["en-x" if kind == "en-x" else "x-en"]
    return {"encoder": k, "decoder": k}


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


def choose(neurons: Neurons, k: Threshold | Mapping[str, Mapping[str, Threshold]]) -> Iterator[Kept]:
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
