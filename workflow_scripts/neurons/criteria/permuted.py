"""The control of sizes and overlaps: one permutation of a layer's neurons for all directions of another system.

What directions share stays what it was, in number; which neurons they are is chance.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workflow_scripts.neurons.criterion import LIKE, SEED, Criterion, Kept, Neurons
from workflow_scripts.neurons.draws import generator

CODE = ("neurons.criterion", "neurons.draws")


def choose(neurons: Neurons, seed: int) -> Iterator[Kept]:
    """The neurons that those of the other system become. The permutation depends on seed, layer and its width alone."""
    for pair, layer, kept in neurons.copied():
        order = generator(seed, "permuted", *layer).permutation(neurons.width(pair, layer))
        yield Kept(pair, layer, np.sort(order[kept]).astype(np.int32))


CRITERION = Criterion(
    summary="those of another system under one permutation of a layer's neurons: the same sizes and overlaps",
    label="permuted neurons",
    choose=choose,
    options={"like": LIKE, "seed": SEED},
    required=("like", "seed"),
    statistics=(),
)
