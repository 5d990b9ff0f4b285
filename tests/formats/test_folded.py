"""The small model of a direction against the masked formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.errors import UserError
from workflow_scripts.formats.folded import folded_state

NEURONS, WIDTH = 12, 5


def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "fc1.weight": (NEURONS, WIDTH),
        "fc1.bias": (NEURONS,),
        "fc2.weight": (WIDTH, NEURONS),
        "fc2.bias": (WIDTH,),
    }
    return {
        f"{component}.layers.0.{name}": torch.randn(shape, generator=generator)
        for component in ("encoder", "decoder")
        for name, shape in shapes.items()
    }


def ffn(state, component: str, x: torch.Tensor) -> torch.Tensor:
    w1, b1, w2, b2 = (
        state[f"{component}.layers.0.{name}"] for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
    )
    return functional.linear(functional.relu(functional.linear(x, w1, b1)), w2, b2)


@settings(max_examples=50)
@given(st.sets(st.integers(0, NEURONS - 1)), st.integers(0, 5), st.integers(0, 1000))
def test_the_small_layer_is_the_masked_one(chosen, extra, seed):
    state = random_state(seed)
    before = {name: tensor.clone() for name, tensor in state.items()}
    small = folded_state(state, {("encoder", 0): np.array(sorted(chosen))}, lambda component, size: size + extra)
    assert small["encoder.layers.0.fc1.weight"].shape == (len(chosen) + extra, WIDTH)
    masked = dict(state)
    m = torch.zeros(NEURONS, 1)
    m[sorted(chosen)] = 1
    masked["encoder.layers.0.fc1.weight"] = state["encoder.layers.0.fc1.weight"] * m
    x = torch.randn(7, WIDTH, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(ffn(small, "encoder", x), ffn(masked, "encoder", x), rtol=1e-4, atol=1e-5)
    assert all(torch.equal(state[name], before[name]) for name in before)
    assert all(small[name] is state[name] for name in state if name.startswith("decoder"))


def test_masks_of_another_model_are_refused():
    with pytest.raises(UserError, match="no decoder layer 3"):
        folded_state(random_state(), {("decoder", 3): np.array([0])}, lambda component, size: size)
    with pytest.raises(UserError, match="beyond 11"):
        folded_state(random_state(), {("decoder", 0): np.array([12])}, lambda component, size: size)
