"""Parameters of a direction's own, or of several directions together, beside modules of every layer. No torch in here.

A checkpoint holds them as `own.en-de.encoder_0_fc2.bias`: owner, component, layer and module, and their name. Those of
an owner that is not in an update get no gradient, and their optimizer's state is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from workflow_scripts.errors import UserError
from workflow_scripts.layers.own_names import Place, by_place, is_own, missing, owners_of
from workflow_scripts.systems import sharing
from workflow_scripts.systems.kind import Effect, Kind, Plain, Schema, Settings, State

if TYPE_CHECKING:
    from torch import Tensor, nn

    from workflow_scripts.systems.variant import Variant

CODE = ("layers.own_names", "layers.own_parameters", "layers.specialized_ffn", "systems.kind", "systems.sharing")
Own = Mapping[str, "Tensor"]
"""Own parameters of one owner at one place, by name."""


def zeros(name: str, parameter: Tensor) -> None:
    """Parameters of zeros: with most ways to act training then begins with the very model it starts from."""
    parameter.zero_()


def per_direction(settings: Settings, direction: str, place: Place) -> str:
    """Every direction has its own."""
    return direction


def everywhere(settings: Settings, place: Place) -> Settings:
    """Settings are the same at all places."""
    return settings


@dataclass(frozen=True)
class OwnParameters:
    """What directions have for themselves at the modules `places` of every layer (`layers.own_names.MODULES`: `fc1`,
    `fc2`, `q`, …, `layer`), which may depend on the settings.

    `shapes(inputs, outputs, settings)` gives parameters by name, for a module with so many inputs and outputs;
    `begin(name, parameter)` sets one, without gradients, to what training begins with. `enter(own, x, settings)` is
    what goes into a module in place of `x` [..., inputs], and `act(own, x, y, settings)` what comes out of it in place
    of `y` [..., outputs], where `x` goes in. `fold(own, weight, bias, settings)` gives weight and bias of the one
    module that does the same; of attention's projections, which must have it, it is all that is used. `owner(settings,
    direction, place)` says whose parameters a direction has, `at(settings, place)` which settings hold at a place.
    """

    places: tuple[str, ...] | Callable[[Settings], tuple[str, ...]]
    shapes: Callable[[int, int, Settings], Mapping[str, tuple[int, ...]]]
    act: Callable[[Own, Tensor, Tensor, Settings], Tensor] | None = None
    fold: Callable[[Own, Tensor, Tensor, Settings], tuple[Tensor, Tensor]] | None = None
    begin: Callable[[str, Tensor], None] = zeros
    enter: Callable[[Own, Tensor, Settings], Tensor] | None = None
    owner: Callable[[Settings, str, Place], str] = per_direction
    at: Callable[[Settings, Place], Settings] = everywhere

    def names(self, settings: Settings) -> tuple[str, ...]:
        """The modules of a layer."""
        return self.places if isinstance(self.places, tuple) else self.places(settings)


def own_kind(
    key: str,
    schema: Schema,
    parameters: OwnParameters,
    summary: str,
    frozen: bool | Callable[[Settings], bool] = False,
    **more: Any,
) -> Kind:
    """The kind of a system whose key `key` (of that schema) asks for such parameters.

    The functions of `parameters` get the key's value in their settings. With `frozen`, which may depend on them,
    nothing else is trained; `more` is what else a `Kind` says.
    """
    return Kind(
        summary=summary,
        options={key: schema},
        required=(key,),
        trains=True,
        own=True,
        frozen=frozen if callable(frozen) else lambda settings: frozen,
        passed=(key,),
        attach=partial(attach, parameters),
        fold=partial(fold, parameters) if parameters.fold else None,
        **more,
    )


def shared_kind(key: str, schema: Schema, summary: str, lists: Sequence[str] = (), **parameters: Any) -> Kind:
    """A kind whose schema is `sharing.settings_of`: `parameters` are those of `OwnParameters`, `lists` the settings
    beside `per` that may differ from layer to layer.
    """
    return own_kind(
        key,
        schema,
        OwnParameters(owner=partial(sharing.owner, key), **parameters),
        summary,
        frozen=partial(sharing.is_frozen, key),
        told=partial(sharing.told, key),
        check=partial(sharing.check, key, ("per", *lists)),
    )


def attach(
    parameters: OwnParameters, model: nn.Module, variant: Variant, directions: Sequence[str], state: State | None
) -> Effect:
    """Own parameters in a fairseq model: those that a checkpoint's `state` has, or else those of `directions`.

    Raises `UserError` where the checkpoint has them at modules that the model lacks.
    """
    from workflow_scripts.layers.own_parameters import OwnModules, places_of

    settings = variant.settings
    places = places_of(model, parameters.names(settings))
    if state is None:
        owners = {
            place: list(dict.fromkeys(parameters.owner(settings, direction, place) for direction in directions))
            for place in places
        }
    else:
        owners = {place: list(found) for place, found in by_place(state).items()}
        if others := [place.key for place in owners if place not in places]:
            raise UserError(f"the model has no place for own parameters at {', '.join(others)}: they are another's")
    return OwnModules(model, parameters, settings, owners)


def fold(parameters: OwnParameters, state: State, direction: str, variant: Variant) -> Plain:
    """The weights with the direction's own parameters in them. Raises `UserError` where it has none."""
    plain = {name: tensor for name, tensor in state.items() if not is_own(name)}
    found = by_place(state)
    if not found:
        raise UserError(missing(direction, []))
    for place, owners in found.items():
        owner = parameters.owner(variant.settings, direction, place)
        if owner not in owners:
            raise UserError(missing(direction, owners_of(state)))
        names = [f"{place.path}.{name}" for name in ("weight", "bias")]
        if lacking := [name for name in names if name not in plain]:
            raise UserError(f"the checkpoint has parameters beside {lacking[0]}, and no such weights: it is damaged")
        folded = parameters.fold(owners[owner], *(plain[name] for name in names), variant.settings)
        plain |= dict(zip(names, folded, strict=True))
    return Plain(plain, None)
