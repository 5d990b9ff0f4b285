"""The control: as many neurons as another system keeps, drawn at random."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from workflow_scripts.neurons.criterion import LIKE, SEED, Criterion, Indices, Kept, Neurons

CODE = ("neurons.criterion",)


def random_neurons(size: int, ffn_dim: int, seed: int, *names: object) -> Indices:
    """`size` of `ffn_dim` neurons drawn without replacement.

    The draw depends on `seed` and `names` (pair, component, layer) alone, so it is the same whichever other layers or
    directions are drawn with it. Returns sorted int32 indices.
    """
    key = "/".join(map(str, (seed, *names)))
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest())))
    return np.sort(generator.choice(ffn_dim, size=size, replace=False)).astype(np.int32)


def choose(neurons: Neurons, seed: int) -> Iterator[Kept]:
    """A draw for every layer that the system has whose sizes are copied."""
    for pair, sizes in neurons.sizes.items():
        for (component, layer), size in sizes.items():
            if component in neurons.components:
                width = len(neurons.statistics[pair][component, layer]["count"])
                yield Kept(pair, (component, layer), random_neurons(size, width, seed, pair, component, layer))


CRITERION = Criterion(
    summary="as many as another system keeps, drawn at random",
    label="random neurons",
    choose=choose,
    options={"like": LIKE, "seed": SEED},
    required=("like", "seed"),
)
