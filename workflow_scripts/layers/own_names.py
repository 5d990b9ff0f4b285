"""Parameters that directions have for themselves, by their names: `own.en-de.encoder_0_fc2.bias`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

OWN = "own"
"""The submodule of a model that holds them: of direction, component, layer and module, and their own names."""


def directions_of(names: Iterable[str]) -> list[str]:
    """The directions that have parameters of their own among the names of a checkpoint's weights."""
    return list(dict.fromkeys(name.split(".")[1] for name in names if name.startswith(f"{OWN}.")))


def own_parameters(model: Any) -> dict[str, list[Any]]:
    """The parameters of a model (a torch module) that directions have for themselves; empty where there are none."""
    found: dict[str, list[Any]] = {}
    for name, parameter in model.named_parameters():
        for direction in directions_of([name]):
            found.setdefault(direction, []).append(parameter)
    return found
