"""Own parameters by their names: `own.en-de.encoder_0_fc2.bias`, of owner, component, layer and module. Without torch.

The owner is a direction, or what directions share: `source:de`, `target:de`, `family:Germanic:Romance`, `all`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from workflow_scripts.errors import UserError

OWN = "own"
"""The submodule of a model that holds them: of owner, place, and their own names."""
ATTENTION = {
    f"{prefix}{name}": f"{module}.{name}_proj"
    for prefix, module in (("", "self_attn"), ("cross_", "encoder_attn"))
    for name in ("q", "k", "v", "out")
}
NORMS = {
    "attention_norm": "self_attn_layer_norm",
    "cross_norm": "encoder_attn_layer_norm",
    "ffn_norm": "final_layer_norm",
}
MODULES = {"fc1": "fc1", "fc2": "fc2", **ATTENTION, **NORMS, "layer": ""}
"""What modules of a layer are called here, and in it."""
END = "end"
"""In place of a layer's number: behind the last one."""
FINAL_NORM = "norm"
"""The norm that stands there, where a model has one."""
PLACE = re.compile(rf"(encoder|decoder)_(\d+_({'|'.join(MODULES)})|{END}_{FINAL_NORM})")
"""What a place is called in a parameter's name."""
Value = TypeVar("Value")


class Place(NamedTuple):
    """A module: `component`, `layer` from 0 (None: behind the last), and its `name` (one of `MODULES`)."""

    component: str
    layer: int | None
    name: str

    @property
    def key(self) -> str:
        """`encoder_0_fc2`."""
        return f"{self.component}_{END if self.layer is None else self.layer}_{self.name}"

    @property
    def path(self) -> str:
        """Its name in a model, `encoder.layers.0.fc2`."""
        if self.layer is None:
            return f"{self.component}.layer_norm"
        return f"{self.component}.layers.{self.layer}.{MODULES[self.name]}".removesuffix(".")

    @classmethod
    def parse(cls, key: str) -> Place:
        """The inverse of `key`."""
        component, layer, name = key.split("_", 2)
        return cls(component, None if layer == END else int(layer), name)


def is_own(name: str) -> bool:
    """Whether a weight of a checkpoint is an own parameter."""
    return name.startswith(f"{OWN}.")


def by_place(state: Mapping[str, Value]) -> dict[Place, dict[str, dict[str, Value]]]:
    """Own parameters of a checkpoint's weights: by place, owner and their names.

    Raises `UserError` for one that is called as none are.
    """
    found: dict[Place, dict[str, dict[str, Value]]] = {}
    for name, value in state.items():
        if is_own(name):
            _, owner, key, last, *more = [*name.split("."), "", ""]
            if not PLACE.fullmatch(key) or not last or more != ["", ""]:
                raise UserError(f"{name}: no own parameter is called like this: the checkpoint is damaged")
            found.setdefault(Place.parse(key), {}).setdefault(owner, {})[last] = value
    return found


def owners_of(names: Iterable[str]) -> list[str]:
    """The owners of parameters among the names of a checkpoint's weights."""
    return list(dict.fromkeys(name.split(".")[1] for name in names if is_own(name)))


def missing(direction: str, owners: Iterable[str]) -> str:
    """What is said where none of `owners` is a direction's."""
    return (
        f"no parameters for direction {direction} (there are: {', '.join(owners) or 'none'}): train the system with it"
    )


def own_parameters(model: Any) -> dict[str, list[Any]]:
    """The own parameters of a model (a torch module) by owner; empty where there are none."""
    found: dict[str, list[Any]] = {}
    for name, parameter in model.named_parameters():
        for owner in owners_of([name]):
            found.setdefault(owner, []).append(parameter)
    return found
