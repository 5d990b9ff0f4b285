"""Parameters of each direction's own: at work one direction at a time, kept by name, and folded into a plain model."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from workflow_scripts.errors import UserError
from workflow_scripts.layers.own_names import by_place, own_parameters, owners_of
from workflow_scripts.layers.own_parameters import OwnModules, places_of
from workflow_scripts.systems.own import OwnParameters, fold

DIRECTIONS = ["en-de", "de-en"]
SETTINGS = {"rank": 2}


def start(name: str, parameter: torch.Tensor) -> None:
    nn.init.normal_(parameter)


# Two thin matrices beside each of both modules, and a bias.
THIN = OwnParameters(
    places=("fc1", "fc2"),
    shapes=lambda inputs, outputs, settings: {
        "down": (settings["rank"], inputs),
        "up": (outputs, settings["rank"]),
        "bias": (outputs,),
    },
    act=lambda own, x, y, settings: y + x @ own["down"].T @ own["up"].T + own["bias"],
    fold=lambda own, weight, bias, settings: (weight + own["up"] @ own["down"], bias + own["bias"]),
    begin=start,
)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 6), nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.fc2(self.fc1(x).relu())


class Model(nn.Module):
    """An encoder and a decoder of two layers each."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = (nn.Module() for _ in range(2))
        for part in (self.encoder, self.decoder):
            part.layers = nn.ModuleList([Layer(), Layer()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in (*self.encoder.layers, *self.decoder.layers):
            x = layer(x)
        return x


@pytest.fixture
def made() -> SimpleNamespace:
    torch.manual_seed(3)
    model = Model()
    plain = model.state_dict()
    owners = dict.fromkeys(places_of(model, THIN.names(SETTINGS)), DIRECTIONS)
    return SimpleNamespace(model=model, plain=plain, own=OwnModules(model, THIN, SETTINGS, owners), x=torch.randn(5, 4))


def test_names_tell_directions_and_places(made):
    names = [name for name, _ in made.model.named_parameters() if name not in made.plain]
    assert owners_of(names) == DIRECTIONS
    assert "own.en-de.encoder_0_fc1.down" in names
    assert len(names) == 2 * 4 * 2 * 3
    assert {direction: len(found) for direction, found in own_parameters(made.model).items()} == {
        "en-de": 24,
        "de-en": 24,
    }
    assert own_parameters(Model()) == {}


@pytest.mark.parametrize(
    "name", ["own.a", "own.a-b.encoder_0_fc3.up", "own.a-b.middle_0_fc1.up", "own.a.encoder_0_q.b.c"]
)
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(UserError, match="no own parameter is called like this"):
        by_place({name: 0})
    for key in ("encoder_11_cross_out", "decoder_end_norm", "encoder_0_layer"):
        assert next(iter(by_place({f"own.source:de.{key}.up": 0}))).key == key


def test_one_direction_is_at_work_and_only_its_parameters_get_gradients(made):
    dense = made.model(made.x)
    outputs = []
    for direction in DIRECTIONS:
        made.own.activate(direction)
        outputs.append(made.model(made.x))
    assert not any(torch.allclose(one, dense) for one in outputs)
    assert not torch.allclose(*outputs)
    outputs[1].sum().backward()
    own = own_parameters(made.model)
    assert all(one.grad is None for one in own["en-de"])
    assert all(one.grad is not None for one in own["de-en"])
    made.own.deactivate()
    assert torch.equal(made.model(made.x), dense)
    with pytest.raises(UserError, match=r"no parameters for direction en-fr \(there are: en-de, de-en\)"):
        made.own.activate("en-fr")


def test_folded_the_plain_model_gives_the_same(made):
    state, variant = made.model.state_dict(), SimpleNamespace(settings=SETTINGS)
    for direction in DIRECTIONS:
        made.own.activate(direction)
        folded = fold(THIN, state, direction, variant)
        assert folded.kept is None
        other = Model()
        other.load_state_dict(folded.state)
        torch.testing.assert_close(other(made.x), made.model(made.x), rtol=1e-4, atol=1e-3)
    with pytest.raises(UserError, match=r"no parameters for direction en-fr \(there are: en-de, de-en\)"):
        fold(THIN, state, "en-fr", variant)


def test_a_checkpoint_without_any_is_where_training_begins_and_one_that_lacks_some_does_not_fit(made):
    before = {name: tensor.clone() for name, tensor in made.model.state_dict().items()}
    made.model.load_state_dict(made.plain)
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.model.state_dict().items())
    lacking = {name: tensor for name, tensor in before.items() if not name.startswith("own.en-de.encoder_0_fc1")}
    with pytest.raises(RuntimeError, match=r"Missing key.*own\.en-de\.encoder_0_fc1\.down"):
        made.model.load_state_dict(lacking)
