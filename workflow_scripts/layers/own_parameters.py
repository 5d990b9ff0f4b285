"""Parameters of each direction's own beside linear modules of feed-forward layers: only one direction's are at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from workflow_scripts.errors import UserError
from workflow_scripts.layers.own_names import OWN
from workflow_scripts.layers.specialized_ffn import ffn_layers


class Parameters(Protocol):
    """What `systems.own.OwnParameters` says."""

    places: tuple[str, ...]
    shapes: Callable[[int, int, Mapping[str, Any]], Mapping[str, tuple[int, ...]]]
    act: Callable[[Mapping[str, Tensor], Tensor, Tensor, Mapping[str, Any]], Tensor]
    begin: Callable[[str, Tensor], None]


class OwnModules:
    """Own parameters of `directions` in a model (as its submodule `own`), and the direction whose are at work.

    They stand beside linear modules of the feed-forward layers, by forward hooks; `parameters` says at which, and what
    they do, `settings` are the system's.
    """

    def __init__(
        self, model: nn.Module, parameters: Parameters, settings: Mapping[str, Any], directions: Sequence[str]
    ) -> None:
        self.parameters, self.settings = parameters, settings
        self.active: str | None = None
        places = {
            f"{component}_{layer}_{place}": getattr(module, place)
            for (component, layer), module in ffn_layers(model).items()
            for place in parameters.places
        }
        self.own = nn.ModuleDict({direction: self._made(places) for direction in directions})
        self.own.register_load_state_dict_post_hook(_or_none_at_all)
        model.add_module(OWN, self.own)
        for name, linear in places.items():
            linear.register_forward_hook(self._hook(name))

    def _made(self, places: Mapping[str, nn.Linear]) -> nn.ModuleDict:
        made = nn.ModuleDict()
        for place, linear in places.items():
            made[place] = nn.ParameterDict()
            shapes = self.parameters.shapes(linear.in_features, linear.out_features, self.settings)
            for name, shape in shapes.items():
                parameter = nn.Parameter(torch.empty(shape))
                with torch.no_grad():
                    self.parameters.begin(name, parameter)
                made[place][name] = parameter
        return made

    def _hook(self, place: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]:
        def act(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
            if self.active is None:
                return None
            return self.parameters.act(self.own[self.active][place], inputs[0], output, self.settings)

        return act

    def activate(self, direction: str) -> None:
        """Let the model be the one of `direction` (`en-de`). Raises `UserError` when it has no parameters."""
        if direction not in self.own:
            known = ", ".join(self.own) or "none"
            raise UserError(f"no parameters for direction {direction} (there are: {known}): train the system with it")
        self.active = direction

    def deactivate(self) -> None:
        """Let the model be the one without."""
        self.active = None


def _or_none_at_all(own: nn.Module, incompatible: Any) -> None:
    """A checkpoint that has none of them, as a baseline, leaves them as they are; one that lacks some does not fit."""
    mine = [name for name in incompatible.missing_keys if name.startswith(f"{OWN}.")]
    if len(mine) == len(list(own.parameters())):
        for name in mine:
            incompatible.missing_keys.remove(name)
