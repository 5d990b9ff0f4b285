"""What a criterion is: from neuron statistics of all directions to the neurons that each direction keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.registry import Schema

Indices = NDArray[np.int32]
Layer = tuple[str, int]
"""A component and the number of one of its layers."""


@dataclass(frozen=True)
class Neurons:
    """What neurons are chosen from.

    `statistics[pair][component, layer][name]` is an array [F], a value per neuron; `kinds[pair]` the kind of the
    direction (`en-x`, `x-en`, `x-x`); `components` those that are masked; `sizes[pair][component, layer]` how many
    neurons the system keeps whose sizes are copied (`like`), without one empty.
    """

    statistics: Mapping[str, Mapping[Layer, Mapping[str, NDArray[Any]]]]
    kinds: Mapping[str, str]
    components: tuple[str, ...]
    sizes: Mapping[str, Mapping[Layer, int]] = field(default_factory=dict)

    def layers(self) -> Iterator[tuple[str, Layer, Mapping[str, NDArray[Any]]]]:
        """Pair, layer and statistics of every layer of the components that are masked, direction by direction."""
        for pair, layers in self.statistics.items():
            for layer, values in layers.items():
                if layer[0] in self.components:
                    yield pair, layer, values


@dataclass(frozen=True)
class Kept:
    """The neurons, sorted, that one direction keeps in one layer; `k` is the threshold in percent, if one was used."""

    pair: str
    layer: Layer
    neurons: Indices
    k: float | None = None


@dataclass(frozen=True)
class Criterion:
    """A way to choose neurons.

    `summary` says in a line what is kept, `label` what figures call such neurons. `options` are its own keys of
    `systems.*.masks` (`LIKE` and `SEED` are shared), `required` those that must be given. `choose(neurons, **options)`
    yields a `Kept` per direction and layer (a layer without one stays dense); it raises `ValueError` naming direction
    and layer where nothing can be chosen.
    """

    summary: str
    label: str
    choose: Callable[..., Iterator[Kept]]
    options: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()


LIKE: Schema = {"type": "string", "description": "The system whose sizes are copied, per direction and layer."}
SEED: Schema = {"type": "integer", "minimum": 0, "description": "Seed of the draw; the run's where left out."}


def coverage(counts: ArrayLike, kept: ArrayLike) -> float:
    """Share of all activations that the kept neurons account for, between 0 and 1 (0 where nothing fired)."""
    counts = np.asarray(counts, dtype=np.int64)
    total = int(counts.sum())
    return int(counts[np.asarray(kept, dtype=np.int64)].sum()) / total if total else 0.0
