"""The control of one set for all directions: the neurons that are most active over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from workflow_scripts.neurons.criterion import Criterion, Kept, Neurons
from workflow_scripts.neurons.pooling import rates_by
from workflow_scripts.neurons.ranking import SIZES, Thresholds, largest, selected

CODE = ("neurons.criterion", "neurons.pooling", "neurons.ranking")


def choose(neurons: Neurons, k: Thresholds | None = None, fraction: float | None = None) -> Iterator[Kept]:
    """The same neurons for every direction, in every layer; like another system, as many as it keeps on average.

    Raises `ValueError` where k is not the same for all directions.
    """
    if isinstance(k, Mapping) and k["en-x"] != k["x-en"]:
        raise ValueError("one set for all directions needs the same k for all: en-x and x-en differ")
    rates = rates_by(neurons, lambda neurons, pair: None)
    if k is not None or fraction is not None:
        yield from selected(neurons, rates, k, fraction)
        return
    sizes: dict[tuple[str, int], list[int]] = {}
    for _, layer, kept in neurons.copied():
        sizes.setdefault(layer, []).append(len(kept))
    for pair, layer, _ in neurons.layers():
        if layer in sizes:
            mean = Fraction(sum(sizes[layer]), len(sizes[layer]))
            # The nearest whole number, the higher of two.
            yield Kept(pair, layer, largest(rates(pair, layer), int(mean + Fraction(1, 2))))


CRITERION = Criterion(
    summary="one set for all directions, the most active by rates pooled over all",
    label="neurons common to all directions",
    choose=choose,
    options=SIZES,
    one_of=tuple(SIZES),
    positions=True,
)
