"""Own parameters beside modules of an encoder-decoder: those of one direction are at work at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from workflow_scripts.errors import UserError
from workflow_scripts.layers.own_names import ATTENTION, FINAL_NORM, MODULES, OWN, Place, missing
from workflow_scripts.layers.specialized_ffn import ffn_layers

Settings = Mapping[str, Any]
Own = Mapping[str, Tensor]


class Parameters(Protocol):
    """What `systems.own.OwnParameters` says."""

    shapes: Callable[[int, int, Settings], Mapping[str, tuple[int, ...]]]
    act: Callable[[Own, Tensor, Tensor, Settings], Tensor] | None
    fold: Callable[[Own, Tensor, Tensor, Settings], tuple[Tensor, Tensor]] | None
    begin: Callable[[str, Tensor], None]
    enter: Callable[[Own, Tensor, Settings], Tensor] | None

    def names(self, settings: Settings) -> Sequence[str]: ...

    def owner(self, settings: Settings, direction: str, place: Place) -> str: ...

    def at(self, settings: Settings, place: Place) -> Settings: ...


class OwnModules:
    """Own parameters in a model (as its submodule `own`), and the direction whose are at work.

    `owners` are those of every place. Modules that are called get them by hooks; the projections of attention, whose
    weights fairseq reads and hands on, are replaced by ones that show folded weights. `parameters` says what they do,
    `settings` are the system's.
    """

    def __init__(
        self, model: nn.Module, parameters: Parameters, settings: Settings, owners: Mapping[Place, Iterable[str]]
    ) -> None:
        self.parameters, self.settings = parameters, settings
        self.active: str | None = None
        self.at_work: dict[Place, Own] = {}
        self.own = nn.ModuleDict()
        self.places = {place: model.get_submodule(place.path) for place in owners}
        for place, module in self.places.items():
            for owner in owners[place]:
                if owner not in self.own:
                    self.own[owner] = nn.ModuleDict()
                self.own[owner][place.key] = self._made(place, module)
        self.own.register_load_state_dict_post_hook(_or_none_at_all)
        model.add_module(OWN, self.own)
        for place, module in self.places.items():
            if place.name in ATTENTION:
                parent, _, last = place.path.rpartition(".")
                self.places[place] = _ShownLinear(module, self._folded(place))
                setattr(model.get_submodule(parent), last, self.places[place])
                continue
            if parameters.enter:
                module.register_forward_pre_hook(self._before(place))
            if parameters.act:
                module.register_forward_hook(self._behind(place))

    def _made(self, place: Place, module: nn.Module) -> nn.ParameterDict:
        made = nn.ParameterDict()
        shapes = self.parameters.shapes(*_sizes(module), self.parameters.at(self.settings, place))
        for name, shape in shapes.items():
            parameter = nn.Parameter(torch.empty(shape))
            with torch.no_grad():
                self.parameters.begin(name, parameter)
            made[name] = parameter
        return made

    def _before(self, place: Place) -> Callable[..., tuple[Any, ...] | None]:
        def enter(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
            own = self.at_work.get(place)
            return None if own is None else (self.parameters.enter(own, inputs[0], self.settings), *inputs[1:])

        return enter

    def _behind(self, place: Place) -> Callable[..., Any]:
        def act(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
            own = self.at_work.get(place)
            if own is None:
                return None
            if isinstance(output, tuple):
                return (self.parameters.act(own, inputs[0], output[0], self.settings), *output[1:])
            return self.parameters.act(own, inputs[0], output, self.settings)

        return act

    def _folded(self, place: Place) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
        def folded(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
            own = self.at_work.get(place)
            return (weight, bias) if own is None else self.parameters.fold(own, weight, bias, self.settings)

        return folded

    def owners(self, direction: str) -> list[str]:
        """Whose parameters are at work in a direction."""
        return list(dict.fromkeys(self.parameters.owner(self.settings, direction, place) for place in self.places))

    def activate(self, direction: str) -> None:
        """Let the model be the one of `direction` (`en-de`). Raises `UserError` when it has no parameters."""
        if direction == self.active:
            return
        found = {}
        for place in self.places:
            owner = self.parameters.owner(self.settings, direction, place)
            if owner not in self.own or place.key not in self.own[owner]:
                raise UserError(missing(direction, self.own))
            found[place] = self.own[owner][place.key]
        self._switch(direction, found)

    def deactivate(self) -> None:
        """Let the model be the one without."""
        self._switch(None, {})

    def _switch(self, direction: str | None, found: dict[Place, Own]) -> None:
        self.active, self.at_work = direction, found
        for module in self.places.values():
            if isinstance(module, _ShownLinear):
                module.kept = None


class _ShownLinear(nn.Linear):
    """A Linear with the very parameters (and names) of another, which shows them as `folded` makes them.

    fairseq's attention calls it in its search alone; elsewhere it reads weight and bias.
    """

    def __init__(self, plain: nn.Linear, folded: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.weight, self.bias = plain.weight, plain.bias
        self.folded, self.training = folded, plain.training
        self.kept: tuple[Tensor, Tensor] | None = None

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if name not in ("weight", "bias"):
            return found
        shown = self.kept or self.folded(*(super(_ShownLinear, self).__getattr__(one) for one in ("weight", "bias")))
        if not torch.is_grad_enabled():
            # A search asks for every symbol.
            self.kept = shown
        return shown[name == "bias"]

    def train(self, mode: bool = True) -> _ShownLinear:
        # Between training and evaluation the optimizer writes.
        self.kept = None
        return super().train(mode)


def places_of(model: nn.Module, names: Sequence[str]) -> list[Place]:
    """Where a model has modules of these names, in order."""
    found = []
    for (component, layer), module in ffn_layers(model).items():
        there = dict(module.named_modules())
        found += [Place(component, layer, name) for name in names if name in MODULES and MODULES[name] in there]
    if FINAL_NORM in names:
        sides = ("encoder", "decoder")
        found += [Place(side, None, FINAL_NORM) for side in sides if getattr(getattr(model, side), "layer_norm", None)]
    return found


def _sizes(module: nn.Module) -> tuple[int, int]:
    """How many inputs and outputs a module has; a whole layer has those of its feed-forward network."""
    if hasattr(module, "fc1"):
        return module.fc1.in_features, module.fc2.out_features
    if hasattr(module, "normalized_shape"):
        return module.normalized_shape[0], module.normalized_shape[0]
    return module.in_features, module.out_features


def _or_none_at_all(own: nn.Module, incompatible: Any) -> None:
    """A checkpoint that has none of them, as a baseline, leaves them as they are; one that lacks some does not fit."""
    mine = [name for name in incompatible.missing_keys if name.startswith(f"{OWN}.")]
    if len(mine) == len(list(own.parameters())):
        for name in mine:
            incompatible.missing_keys.remove(name)
