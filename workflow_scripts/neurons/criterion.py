"""What a criterion is: from neuron statistics of all directions to the neurons that each direction keeps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
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
    direction (`en-x`, `x-en`, `x-x`); `components` those that are masked; `like[pair][component, layer]` the neurons,
    sorted, that the system keeps which is copied (`like`), without one empty; `families[language]` the family of a
    language; `positions[pair][component]` over how many real positions statistics were summed.
    """

    statistics: Mapping[str, Mapping[Layer, Mapping[str, NDArray[Any]]]]
    kinds: Mapping[str, str]
    components: tuple[str, ...]
    like: Mapping[str, Mapping[Layer, Indices]] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    positions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def layers(self) -> Iterator[tuple[str, Layer, Mapping[str, NDArray[Any]]]]:
        """Pair, layer and statistics of every layer of the components that are masked, direction by direction."""
        for pair, layers in self.statistics.items():
            for layer, values in layers.items():
                if layer[0] in self.components:
                    yield pair, layer, values

    def copied(self) -> Iterator[tuple[str, Layer, Indices]]:
        """Pair, layer and neurons of the system that is copied, in the components that are masked."""
        for pair, layers in self.like.items():
            for layer, kept in layers.items():
                if layer[0] in self.components:
                    yield pair, layer, kept

    def width(self, pair: str, layer: Layer) -> int:
        """How many neurons a layer has."""
        return len(next(iter(self.statistics[pair][layer].values())))

    def counted(self, pair: str, component: str) -> int:
        """Over how many positions statistics were summed. Raises `ValueError` where that is not known, or none."""
        found = self.positions.get(pair, {}).get(component, 0)
        if found <= 0:
            raise ValueError(f"it is not known over how many positions of {pair} ({component}) neurons were counted")
        return found


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
    `systems.*.masks` (`LIKE` and `SEED` are shared), `required` those that must be given, `one_of` those of which
    exactly one must, `defaults` the values of others that are left out. `choose(neurons, **options)`, which is given no
    `like` (it is among the neurons), yields a `Kept` per direction and layer (a layer without one stays dense); it
    raises `ValueError` naming direction and layer where nothing can be chosen.

    `statistics` are the columns of activations that it needs, with those that the value of an option asks for
    (`by_option[option][value]`); `positions` and `families` say that it needs these of `Neurons`.
    """

    summary: str
    label: str
    choose: Callable[..., Iterator[Kept]]
    options: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    statistics: tuple[str, ...] = ("count",)
    by_option: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    positions: bool = False
    families: bool = False

    def needed(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns that it needs with the options that are given."""
        chosen = {**self.defaults, **given}
        return (*self.statistics, *(name for key, names in self.by_option.items() for name in names[chosen[key]]))

    def ambiguous(self, given: Collection[str]) -> bool:
        """Whether not exactly one of `one_of` is given."""
        return bool(self.one_of) and sum(key in given for key in self.one_of) != 1


GRADIENTS = ("taylor", "snip", "fisher", "effect")
"""Statistics that are recorded on request only: they need a backward pass."""
LIKE: Schema = {"type": "string", "description": "The system that is copied, per direction and layer."}
SEED: Schema = {"type": "integer", "minimum": 0, "description": "Seed of the draw; the run's where left out."}


def coverage(counts: ArrayLike, kept: ArrayLike) -> float:
    """Share of all activations that the kept neurons account for, between 0 and 1 (0 where nothing fired)."""
    counts = np.asarray(counts, dtype=np.int64)
    total = int(counts.sum())
    return int(counts[np.asarray(kept, dtype=np.int64)].sum()) / total if total else 0.0


def shared(one: ArrayLike, other: ArrayLike) -> float:
    """Intersection over union of two sets of neurons; two empty ones are equal."""
    union = np.union1d(one, other).size
    return np.intersect1d(one, other).size / union if union else 1.0
