"""Activation rates of several directions together, and criteria that choose one set for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.direction import Direction
from workflow_scripts.neurons.criterion import Criterion, Kept, Layer, Neurons
from workflow_scripts.neurons.ranking import SIZES, Thresholds, selected

CODE = ("neurons.criterion", "neurons.ranking")

Group = Callable[[Neurons, str], Hashable]
"""What directions (`en-de`) have in common that are pooled."""


def pooled_rates(neurons: Neurons, pairs: Sequence[str], layer: Layer) -> NDArray[np.object_]:
    """Mean of the activation rates (count ÷ positions) of some directions in a layer: [F], times a common factor.

    Every direction weighs the same, however much text it has. Python's integers, so that the order of directions makes
    no difference and equal rates are equal.
    """
    positions = [neurons.counted(pair, layer[0]) for pair in pairs]
    common = math.lcm(*positions)
    counts = (neurons.statistics[pair][layer]["count"].astype(object) for pair in pairs)
    return sum(count * (common // each) for count, each in zip(counts, positions, strict=True))


def of_kind(group: Group) -> Group:
    """Within the kind of direction."""
    return lambda neurons, pair: (neurons.kinds[pair], group(neurons, pair))


def families(neurons: Neurons, pair: str) -> tuple[str, str]:
    """The families of source and target. Raises `ValueError` naming the direction where one is not known."""
    direction = Direction.parse(pair)
    if missing := [code for code in direction.languages if code not in neurons.families]:
        raise ValueError(f"{pair}: the family of {' and '.join(missing)} is not known")
    return neurons.families[direction.source], neurons.families[direction.target]


def rates_by(neurons: Neurons, group: Group) -> Callable[[str, Layer], NDArray[np.object_]]:
    """The pooled rates of a direction's group, by direction and layer; each group is pooled once."""
    members: dict[Hashable, list[str]] = {}
    for pair in neurons.statistics:
        members.setdefault(group(neurons, pair), []).append(pair)
    known: dict[tuple[Hashable, Layer], NDArray[np.object_]] = {}

    def rates(pair: str, layer: Layer) -> NDArray[np.object_]:
        place = group(neurons, pair), layer
        if place not in known:
            known[place] = pooled_rates(neurons, members[place[0]], layer)
        return known[place]

    return rates


def pooled(summary: str, label: str, group: Group, families: bool = False) -> Criterion:
    """A criterion that keeps the most active neurons by rates pooled over directions of one group."""

    def choose(neurons: Neurons, k: Thresholds | None = None, fraction: float | None = None) -> Iterator[Kept]:
        return selected(neurons, rates_by(neurons, group), k, fraction)

    return Criterion(
        summary=summary,
        label=label,
        choose=choose,
        options=SIZES,
        one_of=tuple(SIZES),
        positions=True,
        families=families,
    )
