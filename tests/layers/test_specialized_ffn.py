"""The specialized FFN against the formula of the method, `W2 relu((m * W1) h + b1) + b2`, outputs and gradients."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from workflow_scripts.errors import UserError
from workflow_scripts.layers.specialized_ffn import DirectionMasks, SpecializedFc1

WIDTH, NEURONS = 6, 16


class Layer(nn.Module):
    """A feed-forward block called the way fairseq's Transformer layers call theirs."""

    def __init__(self, dropout: float = 0.0, activation=functional.relu) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, NEURONS), nn.Linear(NEURONS, WIDTH)
        self.activation_fn = activation
        self.activation_dropout_module = nn.Dropout(dropout)

    def forward(self, x):
        return self.fc2(self.activation_dropout_module(self.activation_fn(self.fc1(x))))


class Model(nn.Module):
    """Two encoder layers and one decoder layer in a row."""

    def __init__(self, **options) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.layers = nn.ModuleList(Layer(**options) for _ in range(2))
        self.decoder.layers = nn.ModuleList([Layer(**options)])

    def forward(self, x):
        for layer in (*self.encoder.layers, *self.decoder.layers):
            x = x + layer(x)
        return x


KEYS = (("encoder", 0), ("encoder", 1), ("decoder", 0))


def row(neurons, pair="en-de", component="encoder", layer=0, ffn_dim=NEURONS):
    return SimpleNamespace(pair=pair, component=component, layer=layer, ffn_dim=ffn_dim, neurons=neurons)


def rows(masks: dict[str, np.ndarray]) -> list[SimpleNamespace]:
    """Mask rows of `{direction: bool [layers, F]}`."""
    return [
        row(np.flatnonzero(mask), pair, *key)
        for pair, layers in masks.items()
        for key, mask in zip(KEYS, layers, strict=True)
    ]


def masked(model: Model, x: torch.Tensor, masks) -> torch.Tensor:
    """The plain formula on the same parameters, with full-size masks."""
    for layer, mask in zip((*model.encoder.layers, *model.decoder.layers), masks, strict=True):
        m = torch.as_tensor(mask)[:, None].to(x.dtype)
        a = functional.relu(functional.linear(x, m * layer.fc1.weight, layer.fc1.bias))
        x = x + functional.linear(a, layer.fc2.weight, layer.fc2.bias)
    return x


def gradients(model: Model) -> list[torch.Tensor]:
    grads = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    return grads


masks_strategy = st.lists(
    st.one_of(
        st.just([False] * NEURONS),
        st.just([True] * NEURONS),
        st.lists(st.booleans(), min_size=NEURONS, max_size=NEURONS),
    ),
    min_size=len(KEYS),
    max_size=len(KEYS),
).map(np.array)


@settings(max_examples=60)
@given(masks_strategy, masks_strategy, st.integers(0, 2**31))
def test_outputs_and_gradients_equal_the_masked_formula_over_accumulated_directions(first, second, seed):
    torch.manual_seed(seed)
    model = Model().double()
    plain = copy.deepcopy(model)
    specialized = DirectionMasks(model, rows({"en-de": first, "de-en": second}))
    batches = [torch.randn(3, 2, WIDTH, dtype=torch.double, requires_grad=True) for _ in range(3)]
    plain_batches = [batch.detach().clone().requires_grad_() for batch in batches]
    steps = [("en-de", first), ("de-en", second), ("en-de", first)]
    for (pair, mask), x, y in zip(steps, batches, plain_batches, strict=True):
        specialized.activate(pair)
        output, expected = model(x), masked(plain, y, mask)
        torch.testing.assert_close(output, expected)
        (output**2).sum().backward()
        (expected**2).sum().backward()
        torch.testing.assert_close(x.grad, y.grad)
    for index, (ours, theirs) in enumerate(zip(gradients(model), gradients(plain), strict=True)):
        torch.testing.assert_close(ours, theirs, msg=f"parameter {index}")


def test_rows_that_are_off_get_a_gradient_of_exactly_zero_and_every_parameter_gets_one():
    torch.manual_seed(0)
    model = Model()
    mask = np.arange(NEURONS) % 3 > 0
    DirectionMasks(model, rows({"en-de": [mask] * 3})).activate("en-de")
    model(torch.randn(5, WIDTH)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    for layer in model.encoder.layers:
        assert torch.count_nonzero(layer.fc1.weight.grad[~mask]) == 0
        assert torch.count_nonzero(layer.fc1.weight.grad[mask]) > 0
        emits = ~mask & (layer.fc1.bias.detach().numpy() > 0)
        assert torch.count_nonzero(layer.fc1.bias.grad[emits]) == emits.sum() > 0


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 1e-2), (torch.bfloat16, 6e-2)])
def test_half_precision_parameters(dtype, tolerance):
    torch.manual_seed(1)
    model = Model().to(dtype)
    plain = copy.deepcopy(model).float()
    mask = np.random.default_rng(1).random((3, NEURONS)) < 0.7
    DirectionMasks(model, rows({"en-de": mask})).activate("en-de")
    x = torch.randn(7, WIDTH)
    output, expected = model(x.to(dtype)), masked(plain, x.to(dtype).float(), mask)
    assert output.dtype == dtype
    torch.testing.assert_close(output.float(), expected, rtol=tolerance, atol=tolerance)
    output.float().sum().backward()
    expected.sum().backward()
    for ours, theirs in zip(gradients(model), gradients(plain), strict=True):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours.float(), theirs, rtol=5 * tolerance, atol=5 * tolerance)


def test_autocast_gives_half_outputs_and_float32_gradients():
    torch.manual_seed(2)
    model = Model()
    plain = copy.deepcopy(model)
    mask = np.random.default_rng(2).random((3, NEURONS)) < 0.7
    DirectionMasks(model, rows({"en-de": mask})).activate("en-de")
    x = torch.randn(7, WIDTH)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model.encoder.layers[0](x)
        output = model(x)
    assert half.dtype == torch.bfloat16
    expected = masked(plain, x, mask)
    torch.testing.assert_close(output.float(), expected, rtol=5e-2, atol=5e-2)
    output.float().sum().backward()
    expected.sum().backward()
    for ours, theirs in zip(gradients(model), gradients(plain), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, rtol=0.2, atol=0.2)
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(model(x).float(), expected.detach(), rtol=5e-2, atol=5e-2)


@pytest.mark.parametrize("grad", [True, False])
def test_evaluation_follows_the_direction_and_the_weights(grad):
    torch.manual_seed(3)
    model = Model().double().eval()
    random = np.random.default_rng(3)
    chosen = {pair: random.random((3, NEURONS)) < 0.6 for pair in ("en-de", "de-en")}
    specialized = DirectionMasks(model, rows(chosen))
    x = torch.randn(4, WIDTH, dtype=torch.double)
    dense = np.ones((3, NEURONS), dtype=bool)

    def check(mask):
        with torch.set_grad_enabled(grad):
            torch.testing.assert_close(model(x), masked(model, x, mask))

    check(dense)
    for _ in range(2):
        for pair, mask in chosen.items():
            specialized.activate(pair)
            check(mask)
            check(mask)
    with torch.no_grad():
        model.encoder.layers[1].fc2.weight.mul_(2)
    check(chosen["de-en"])
    # As fairseq's half-precision optimizers write: no version counter moves, but the mode changes around an update.
    model.train()
    model.encoder.layers[0].fc1.bias.data.add_(1)
    model.eval()
    check(chosen["de-en"])
    model.load_state_dict({name: tensor / 3 for name, tensor in model.state_dict().items()})
    check(chosen["de-en"])
    specialized.deactivate()
    check(dense)


def test_activation_dropout_drops_the_constants_too():
    torch.manual_seed(4)
    model = Model(dropout=0.4).double()
    mask = np.random.default_rng(4).random((3, NEURONS)) < 0.6
    DirectionMasks(model, rows({"en-de": mask})).activate("en-de")
    layer, m = model.encoder.layers[0], torch.as_tensor(mask[0])[:, None]
    plain = copy.deepcopy(layer)
    x = torch.randn(9, WIDTH, dtype=torch.double)

    def formula():
        a = functional.relu(functional.linear(x, m * plain.fc1.weight, plain.fc1.bias))
        return functional.linear(functional.dropout(a, 0.4), plain.fc2.weight, plain.fc2.bias)

    torch.manual_seed(5)
    output = layer(x)
    torch.manual_seed(5)
    expected = formula()
    torch.testing.assert_close(output, expected)
    output.sum().backward()
    expected.sum().backward()
    for ours, theirs in zip(layer.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    layer.eval()
    with torch.no_grad():
        a = functional.relu(functional.linear(x, m * layer.fc1.weight, layer.fc1.bias))
        torch.testing.assert_close(layer(x), a @ layer.fc2.weight.T + layer.fc2.bias)


def test_the_checkpoint_keeps_its_names_and_parameters_are_the_same_objects():
    model = Model()
    names, parameters = list(model.state_dict()), list(model.parameters())
    specialized = DirectionMasks(model, rows({"en-de": np.ones((3, NEURONS), dtype=bool)}))
    specialized.activate("en-de")
    assert list(model.state_dict()) == names
    assert all(ours is theirs for ours, theirs in zip(model.parameters(), parameters, strict=True))
    again = DirectionMasks(model, [])
    assert again.layers == specialized.layers
    assert "encoder.layers.0.fc1.weight" in pickle.loads(pickle.dumps(model.state_dict()))  # noqa: S301


def test_layers_without_a_mask_stay_dense():
    torch.manual_seed(6)
    model = Model()
    mask = np.arange(NEURONS) < 5
    specialized = DirectionMasks(model, [row(np.flatnonzero(mask), "en-de", "encoder", 1)])
    specialized.activate("en-de")
    x = torch.randn(4, WIDTH)
    dense = np.ones(NEURONS, dtype=bool)
    torch.testing.assert_close(model(x), masked(model, x, [dense, mask, dense]))


def test_sixty_directions_at_the_papers_size_take_less_than_a_megabyte():
    random = np.random.default_rng(0)
    model = Model()
    specialized = DirectionMasks(model, [])
    for layer in specialized.layers.values():
        layer.fc1.out_features = 4096
    kept = [np.sort(random.choice(4096, 3200, replace=False)).astype(np.int32) for _ in KEYS]
    for direction in range(60):
        for key, neurons in zip(KEYS, kept, strict=True):
            specialized._add(row(neurons, f"en-{direction}", *key, ffn_dim=4096))
    assert specialized.nbytes == 60 * len(KEYS) * 4096 / 8


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match=r"no masks for direction en-fr.*en-de"):
        DirectionMasks(Model(), [row([1, 2])]).activate("en-fr")
    with pytest.raises(UserError, match="encoder layer 7: the model has no such layer"):
        DirectionMasks(Model(), [row([1], layer=7)])
    with pytest.raises(UserError, match="made for 8 neurons, the model has 16"):
        DirectionMasks(Model(), [row([1], ffn_dim=8)])
    with pytest.raises(UserError, match="between 0 and 15"):
        DirectionMasks(Model(), [row([16])])
    with pytest.raises(UserError, match="gelu"):
        DirectionMasks(Model(activation=functional.gelu), [])
    module = DirectionMasks(Model(activation=nn.ReLU()), []).layers[KEYS[0]].fc1
    assert isinstance(module, SpecializedFc1)
