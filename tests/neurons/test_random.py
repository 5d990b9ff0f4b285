"""The random control: as many neurons as asked, drawn evenly, by seed and name alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.neurons.criteria.random import choose, random_neurons
from workflow_scripts.neurons.criterion import Neurons

SIZES = {("encoder", 0): 3, ("encoder", 1): 20, ("decoder", 1): 7}


@given(st.integers(1, 60), st.data(), st.integers(0, 10**6))
def test_random_neurons_are_distinct_sorted_and_as_many_as_asked(ffn_dim, data, seed):
    size = data.draw(st.integers(0, ffn_dim))
    drawn = random_neurons(size, ffn_dim, seed, "en-de", "encoder", 0)
    assert drawn.dtype == np.int32
    assert len(drawn) == size == len(set(drawn.tolist()))
    assert drawn.tolist() == sorted(drawn.tolist())
    assert all(0 <= neuron < ffn_dim for neuron in drawn)
    assert np.array_equal(drawn, random_neurons(size, ffn_dim, seed, "en-de", "encoder", 0))


def test_random_neurons_depend_on_seed_and_every_name():
    draw = {
        tuple(random_neurons(30, 100, seed, pair, component, layer))
        for seed in (1, 2)
        for pair in ("en-de", "de-en")
        for component in ("encoder", "decoder")
        for layer in (0, 1)
    }
    assert len(draw) == 16


def test_random_neurons_are_drawn_evenly():
    drawn = np.concatenate([random_neurons(25, 100, 7, pair) for pair in range(2000)])
    frequency = np.bincount(drawn, minlength=100) / 2000
    # A quarter each; the standard deviation is below 0.01.
    assert abs(frequency - 0.25).max() < 0.05


def test_sizes_are_copied_layer_by_layer_in_the_components_that_are_masked():
    layers = {(component, layer): {"count": np.ones(20)} for component in ("encoder", "decoder") for layer in (0, 1)}
    like = {"en-de": {layer: np.arange(size) for layer, size in SIZES.items()}}
    found = list(choose(Neurons({"en-de": layers}, {"en-de": "en-x"}, ("encoder",), like), 5))
    assert [(kept.layer, len(kept.neurons), kept.k) for kept in found] == [
        (("encoder", 0), 3, None),
        (("encoder", 1), 20, None),
    ]
    assert found[0].neurons.tolist() == random_neurons(3, 20, 5, "en-de", "encoder", 0).tolist()
