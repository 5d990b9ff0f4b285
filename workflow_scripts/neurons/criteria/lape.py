"""LAPE (Tang et al. 2024): neurons that few directions use, told by the entropy of their activation rates.

A direction keeps the general neurons, which are those not chosen as specific, and its own specific ones: what is
specific to others alone is switched off.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.neurons.criterion import Criterion, Kept, Neurons
from workflow_scripts.neurons.ranking import part

CODE = ("neurons.criterion", "neurons.ranking")

Rates = NDArray[np.float64]


def entropy(rates: Rates) -> Rates:
    """Entropy in nats over directions of the rates [directions, n] of neurons, each scaled to sum to 1: [n].

    It is 0 for a neuron that never fires.
    """
    total = rates.sum(axis=0)
    shares = np.divide(rates, total, out=np.zeros_like(rates), where=total > 0)
    logs = np.log(shares, out=np.zeros_like(rates), where=shares > 0)
    return -(shares * logs).sum(axis=0)


def smallest(values: Rates, rate: float) -> float:
    """The value below or at which a fraction of all lies."""
    return float(np.sort(values, axis=None)[part(rate, values.size) - 1])


def kept(rates: Rates, top_rate: float, filter_rate: float, activation_bar_ratio: float) -> NDArray[np.bool_]:
    """Which of n neurons each direction keeps, [directions, n]; `rates` [directions, n] are those of all layers.

    Specific neurons are the fraction `top_rate` of all with the lowest entropy, equal ones by their order, among those
    that fire more often for some direction than a fraction `filter_rate` of all rates. They belong to the directions
    for which they fire more often than a fraction `activation_bar_ratio` of all rates.
    """
    frequent = (rates > smallest(rates, filter_rate)).any(axis=0)
    ranks = np.where(frequent, entropy(rates), np.inf)
    specific = np.argsort(ranks, kind="stable")[: part(top_rate, ranks.size)]
    found = np.ones(rates.shape, dtype=bool)
    specific = specific[frequent[specific]]
    found[:, specific] = rates[:, specific] > smallest(rates, activation_bar_ratio)
    return found


def choose(neurons: Neurons, top_rate: float, filter_rate: float, activation_bar_ratio: float) -> Iterator[Kept]:
    """All layers jointly. Raises `ValueError` where there is one direction, or directions have other layers."""
    # In an order of their own, so that neither sums nor equal entropies depend on that of files.
    layers = sorted({layer for _, layer, _ in neurons.layers()})
    pairs = sorted({pair for pair, _, _ in neurons.layers()})
    if len(pairs) < 2:
        raise ValueError(f"{', '.join(pairs)}: specific neurons are told by two directions or more")
    for pair in pairs:
        if missing := [layer for layer in layers if layer not in neurons.statistics[pair]]:
            raise ValueError(f"{pair}, {missing[0][0]} layer {missing[0][1]}: there are no counts of this layer")
    rates = np.array(
        [
            np.concatenate([neurons.statistics[pair][at]["count"] / neurons.counted(pair, at[0]) for at in layers])
            for pair in pairs
        ]
    )
    found = kept(rates, top_rate, filter_rate, activation_bar_ratio)
    ends = np.cumsum([neurons.width(pairs[0], layer) for layer in layers])[:-1]
    for pair, row in zip(pairs, found, strict=True):
        for layer, own in zip(layers, np.split(row, ends), strict=True):
            yield Kept(pair, layer, np.flatnonzero(own).astype(np.int32))


def rate(description: str) -> dict[str, object]:
    """The schema of a fraction."""
    return {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "description": description}


CRITERION = Criterion(
    summary="general neurons and those specific to the direction by LAPE (entropy of activation rates)",
    label="general and own neurons by LAPE",
    choose=choose,
    options={
        "top_rate": rate("Fraction of all neurons that is specific; 0.01 where left out, as published."),
        "filter_rate": rate("Fraction of all rates above which a specific neuron must fire; 0.95 where left out."),
        "activation_bar_ratio": rate("Fraction of all rates above which it is a direction's own; 0.95 where left out."),
    },
    defaults={"top_rate": 0.01, "filter_rate": 0.95, "activation_bar_ratio": 0.95},
    positions=True,
)
