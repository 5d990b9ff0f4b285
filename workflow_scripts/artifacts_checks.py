"""What must hold within a file of counts or of masks, whoever wrote it: names, ranges, each neuron once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError

if TYPE_CHECKING:
    from workflow_scripts.artifacts import Layer, Mask

COMPONENTS = ("encoder", "decoder")
MOST = 2**53
"""Above it, sums of counts could overflow, and no float64 holds every count."""


def check_layer(
    path: str | Path, layer: Layer, neurons: NDArray[np.int32], columns: Mapping[str, NDArray[Any]]
) -> None:
    """Raise `UserError` unless a layer has neurons 0 … F-1, each once, with counts from 0 that can be added up.

    `neurons` are in order; other columns must be finite.
    """
    where = f"{path}, {layer[0]} layer {layer[1]}"
    _check_place(where, *layer)
    if not np.array_equal(neurons, np.arange(len(neurons))):
        raise UserError(f"{where}: the neurons must be 0 to {len(neurons) - 1}, each once; record the counts again")
    for name, values in columns.items():
        if values.dtype.kind == "f":
            if not np.isfinite(values).all():
                raise UserError(f"{where}: {name} is not a finite number for every neuron; is the baseline sound?")
            continue
        if values.min() < 0:
            raise UserError(f"{where}: a {name} is negative ({values.min()}); record the counts again")
        if float(values.max()) * len(values) > MOST:
            raise UserError(f"{where}: a {name} is {values.max()}, more than any text has positions; record them again")


def check_layers(path: str | Path, sizes: Mapping[Layer, int]) -> None:
    """Raise `UserError` unless the layers of each component are 0 … L-1, all of the same size."""
    if not sizes:
        raise UserError(f"{path} has no rows; make it again")
    for component in COMPONENTS:
        layers = sorted(layer for part, layer in sizes if part == component)
        if layers != list(range(len(layers))):
            missing = next(number for number, layer in enumerate(layers) if number != layer)
            raise UserError(f"{path}: {component} layer {missing} is missing, but there is layer {layers[-1]}")
    if len(found := set(sizes.values())) > 1:
        raise UserError(f"{path}: layers have {', '.join(map(str, sorted(found)))} neurons; all must have as many")


def check_masks(path: str | Path, rows: Iterable[Mask]) -> None:
    """Raise `UserError` for rows that are no masks, or stand twice."""
    by_pair: dict[str, dict[Layer, int]] = {}
    for row in rows:
        where = f"{path}, {row.pair} {row.component} layer {row.layer}"
        Direction.parse(row.pair)
        _check_place(where, row.component, row.layer)
        layers = by_pair.setdefault(row.pair, {})
        if (row.component, row.layer) in layers:
            raise UserError(f"{where} stands there twice; select the masks again")
        layers[row.component, row.layer] = row.ffn_dim
        ends = row.neurons[[0, -1]] if len(row.neurons) else np.zeros(2, dtype=np.int32)
        if ends[0] < 0 or ends[1] >= row.ffn_dim or (np.diff(row.neurons) <= 0).any():
            raise UserError(f"{where}: neurons must rise from 0 to below {row.ffn_dim}, each once; select them again")


def check_complete(path: str | Path, rows: Iterable[Mask]) -> None:
    """Raise `UserError` where masks keep no neuron, or directions differ in which layers they have, and how large."""
    by_pair: dict[str, dict[Layer, int]] = {}
    for row in rows:
        if not len(row.neurons):
            raise UserError(
                f"{path}, {row.pair} {row.component} layer {row.layer}: no neuron is kept; select them again"
            )
        by_pair.setdefault(row.pair, {})[row.component, row.layer] = row.ffn_dim
    check_alike(path, by_pair)


def check_alike(path: str | Path, sizes: Mapping[str, Mapping[Layer, int]]) -> None:
    """Raise `UserError` unless all directions have the layers of one model; `sizes` are by direction and layer."""
    if not sizes:
        raise UserError(f"{path} has no rows; make it again")
    first, *others = sizes
    check_layers(f"{path}, {first}", sizes[first])
    for other in others:
        if dict(sizes[other]) != dict(sizes[first]):
            raise UserError(
                f"{path}: {other} has other layers than {first}, or of other sizes; all must be of one model, so make "
                "them again"
            )


def _check_place(where: str, component: str, layer: int) -> None:
    if component not in COMPONENTS:
        raise UserError(f"{where}: there is no component {component!r}; there are {', '.join(COMPONENTS)}")
    if layer < 0:
        raise UserError(f"{where}: layers count from 0")
