"""Parameters that each direction has for itself, beside a linear module of every feed-forward layer. No torch in here.

A checkpoint holds them as `own.en-de.encoder_0_fc2.bias`: direction, component, layer and module, and their name. Those
of a direction that is not in an update get no gradient, and their optimizer's state is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from workflow_scripts.errors import UserError
from workflow_scripts.layers.own_names import OWN, directions_of
from workflow_scripts.systems.kind import Effect, Kind, Plain, Schema, Settings, State

if TYPE_CHECKING:
    from torch import Tensor, nn

    from workflow_scripts.systems.variant import Variant

CODE = ("layers.own_names", "layers.own_parameters", "layers.specialized_ffn", "systems.kind")
Own = Mapping[str, "Tensor"]
"""Own parameters of one direction at one place, by name."""


def zeros(name: str, parameter: Tensor) -> None:
    """Parameters of zeros: with most ways to act training then begins with the very model it starts from."""
    parameter.zero_()


@dataclass(frozen=True)
class OwnParameters:
    """What a direction has for itself at the modules `places` (`fc1`, `fc2`) of every feed-forward layer.

    `shapes(inputs, outputs, settings)` gives its parameters by name, for a module with so many inputs and outputs;
    `begin(name, parameter)` sets one, without gradients, to what training begins with. `act(own, x, y, settings)` is
    what comes out of a module in place of `y` [..., outputs], where `x` [..., inputs] goes in. `fold(own, weight, bias,
    settings)` gives weight and bias of the one module that does the same.
    """

    places: tuple[str, ...]
    shapes: Callable[[int, int, Settings], Mapping[str, tuple[int, ...]]]
    act: Callable[[Own, Tensor, Tensor, Settings], Tensor]
    fold: Callable[[Own, Tensor, Tensor, Settings], tuple[Tensor, Tensor]] | None = None
    begin: Callable[[str, Tensor], None] = zeros


def own_kind(
    key: str, schema: Schema, parameters: OwnParameters, summary: str, frozen: bool = False, **more: Any
) -> Kind:
    """The kind of a system whose key `key` (of that schema) asks for such parameters.

    The functions of `parameters` get the key's value in their settings. With `frozen`, nothing else is trained; `more`
    is what else a `Kind` says.
    """
    return Kind(
        summary=summary,
        options={key: schema},
        required=(key,),
        trains=True,
        own=True,
        frozen=frozen,
        passed=(key,),
        attach=partial(attach, parameters),
        fold=partial(fold, parameters) if parameters.fold else None,
        **more,
    )


def attach(parameters: OwnParameters, model: nn.Module, variant: Variant, directions: Sequence[str]) -> Effect:
    """Own parameters of `directions` in a fairseq model."""
    from workflow_scripts.layers.own_parameters import OwnModules

    return OwnModules(model, parameters, variant.settings, directions)


def fold(parameters: OwnParameters, state: State, direction: str, variant: Variant) -> Plain:
    """The weights with the direction's own parameters in them. Raises `UserError` where it has none."""
    plain = {name: tensor for name, tensor in state.items() if not name.startswith(f"{OWN}.")}
    found = places_of(state, direction)
    for (component, layer, place), own in found.items():
        names = [f"{component}.layers.{layer}.{place}.{name}" for name in ("weight", "bias")]
        folded = parameters.fold(own, *(plain[name] for name in names), variant.settings)
        plain |= dict(zip(names, folded, strict=True))
    return Plain(plain, None)


def places_of(state: State, direction: str) -> dict[tuple[str, int, str], dict[str, Tensor]]:
    """The own parameters of a direction: `{(component, layer, module): {name: parameter}}`.

    Raises `UserError` where it has none.
    """
    found: dict[tuple[str, int, str], dict[str, Tensor]] = {}
    for name, tensor in state.items():
        if name.startswith(f"{OWN}.{direction}."):
            place, last = name.split(".")[2:]
            component, layer, module = place.split("_", 2)
            found.setdefault((component, int(layer), module), {})[last] = tensor
    if not found:
        known = ", ".join(directions_of(state)) or "none"
        raise UserError(f"no parameters for direction {direction} (there are: {known}): train the system with it")
    return found
