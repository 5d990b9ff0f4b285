"""The control: as many neurons as another system keeps, drawn at random."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workflow_scripts.neurons.criterion import LIKE, SEED, Criterion, Indices, Kept, Neurons
from workflow_scripts.neurons.draws import generator

CODE = ("neurons.criterion", "neurons.draws")


def random_neurons(size: int, ffn_dim: int, seed: int, *names: object) -> Indices:
    """`size` of `ffn_dim` neurons drawn without replacement.

    The draw depends on `seed` and `names` (pair, component, layer) alone, so it is the same whichever other layers or
    directions are drawn with it. Returns sorted int32 indices.
    """
    return np.sort(generator(seed, *names).choice(ffn_dim, size=size, replace=False)).astype(np.int32)


def choose(neurons: Neurons, seed: int) -> Iterator[Kept]:
    """A draw for every layer that the system has which is copied."""
    for pair, layer, kept in neurons.copied():
        yield Kept(pair, layer, random_neurons(len(kept), neurons.width(pair, layer), seed, pair, *layer))


CRITERION = Criterion(
    summary="as many as another system keeps, drawn at random",
    label="random neurons",
    choose=choose,
    options={"like": LIKE, "seed": SEED},
    required=("like", "seed"),
    statistics=(),
)
