"""How large the model in a checkpoint is: all weights, those that one direction has for itself, bytes on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from workflow_scripts.formats.checkpoint import BASE, read_raw, weights
from workflow_scripts.formats.peek import PROVENANCE
from workflow_scripts.layers.own_names import by_place


@dataclass(frozen=True)
class Sizes:
    """Of a checkpoint file: the parameters in it, those at work in one direction alone, bytes; `updates` of its
    training, where it says so, and whether all but own parameters was `frozen` in that (and is in another file).
    """

    parameters: int
    own: int
    bytes: int
    updates: int | None
    frozen: bool


def sizes(path: Path) -> Sizes:
    """Of the checkpoint at `path`. Raises `UserError` where there is none."""
    raw = read_raw(path, mapped=True)
    carried, state = raw.get(PROVENANCE, {}), weights(raw["model"])
    # All owners have as much at a place, and a direction is one of them there.
    own = sum(_numbers(next(iter(owners.values()))) for owners in by_place(state).values())
    return Sizes(_numbers(state), own, path.stat().st_size, carried.get("updates"), BASE in carried)


def _numbers(state: Mapping[str, Tensor]) -> int:
    """Numbers in a state; what is one table by two names counts once."""
    return sum({tensor.data_ptr(): tensor.numel() for tensor in state.values()}.values())
