"""How large the model in a checkpoint is: all weights, those that one direction has for itself, bytes on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.errors import UserError
from workflow_scripts.formats.peek import PROVENANCE, Shape, peek
from workflow_scripts.layers.own_names import by_place

NO_WEIGHTS = ("version", "_float_tensor")
"""Buffers in which fairseq keeps no weights."""


@dataclass(frozen=True)
class Sizes:
    """Of a checkpoint file: the parameters in it, those at work in one direction alone, bytes; `updates` of its
    training, where it says so.
    """

    parameters: int
    own: int
    bytes: int
    updates: int | None


def sizes(path: Path) -> Sizes:
    """Of the checkpoint at `path`, one of a run, without reading its weights. Raises `UserError` where it is none."""
    found = peek(path)
    if not isinstance(found.get("model"), dict):
        raise UserError(f"{path} is no checkpoint of a run: it is missing, damaged or of another kind")
    state = {
        name: one
        for name, one in found["model"].items()
        if isinstance(one, Shape) and name.rpartition(".")[2] not in NO_WEIGHTS
    }
    # All owners have as much at a place, and a direction is one of them there.
    own = sum(_numbers(next(iter(owners.values()))) for owners in by_place(state).values())
    updates = (found.get(PROVENANCE) or {}).get("updates")
    return Sizes(_numbers(state), own, path.stat().st_size, updates)


def _numbers(state: Mapping[str, Shape]) -> int:
    """Numbers in a state; what is one table by two names counts once."""
    return sum({one.stored: one.numbers for one in state.values()}.values())
