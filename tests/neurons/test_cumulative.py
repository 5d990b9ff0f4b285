"""Selection by cumulative threshold, against its definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.neurons.criteria.cumulative import choose, specialized, thresholds
from workflow_scripts.neurons.criterion import Neurons, coverage

COUNTS = st.lists(st.integers(0, 2**40), min_size=1, max_size=40).filter(any)
# Thresholds as people write them: with up to three decimals.
K = st.integers(1, 100_000).map(lambda thousandths: thousandths / 1000)


def by_definition(counts: list[int], k: float) -> list[int]:
    """Neuron after neuron in descending order, lower index first, until k percent are reached."""
    kept, reached = [], 0
    for neuron in sorted(range(len(counts)), key=lambda neuron: (-counts[neuron], neuron)):
        if 100 * reached >= Fraction(str(k)) * sum(counts):
            break
        kept.append(neuron)
        reached += counts[neuron]
    return sorted(kept)


@given(COUNTS, K)
def test_is_the_definition(counts, k):
    kept = specialized(counts, k)
    assert kept.dtype == np.int32
    assert kept.tolist() == by_definition(counts, k)


@given(COUNTS, K)
def test_is_the_shortest_prefix_that_reaches_k(counts, k):
    kept = specialized(counts, k)
    total, share = sum(counts), Fraction(str(k)) / 100
    assert sum(counts[neuron] for neuron in kept) >= share * total
    weakest = min(counts[neuron] for neuron in kept)
    assert sum(counts[neuron] for neuron in kept) - weakest < share * total
    assert all(counts[neuron] <= weakest for neuron in range(len(counts)) if neuron not in kept)


@given(COUNTS, K, K)
def test_a_higher_k_keeps_a_superset(counts, one, other):
    low, high = sorted((one, other))
    assert set(specialized(counts, low)) <= set(specialized(counts, high))


@given(COUNTS, K, st.integers(2, 1000))
def test_scaling_all_counts_changes_nothing(counts, k, factor):
    assert np.array_equal(specialized(counts, k), specialized([count * factor for count in counts], k))


@pytest.mark.parametrize(
    ("counts", "k", "kept"),
    [
        ([50, 30, 15, 5], 95, [0, 1, 2]),  # 50 + 30 + 15 is 95 exactly: reached, not crossed
        ([50, 30, 15, 5], 95.1, [0, 1, 2, 3]),
        ([50, 30, 15, 5], 80, [0, 1]),
        ([50, 30, 15, 5], 79, [0, 1]),  # the neuron that crosses the line is kept
        ([50, 30, 15, 5], 0.001, [0]),
        ([5, 15, 30, 50], 80, [2, 3]),  # sorted indices, whatever the order of the counts
        ([7, 7, 7, 7], 50, [0, 1]),  # ties: the lower index first
        ([1, 7, 7, 7], 60, [1, 2]),
        ([3, 0, 0], 100, [0]),  # all activations, and no neuron that has none
        ([3, 0, 1], 100, [0, 2]),
        ([9], 1, [0]),
        ([0, 9], 100, [1]),
        ([1, 1, 1], "33.4", [0, 1]),
        ([1, 1, 1], Fraction(100, 3), [0]),
    ],
)
def test_examples(counts, k, kept):
    assert specialized(counts, k).tolist() == kept


def test_k_is_the_decimal_that_was_written():
    # 0.1 % of 1,000 is one; as a binary number 0.1 is a little more, which would keep a second neuron.
    assert specialized([1] * 1000, 0.1).tolist() == [0]
    assert specialized([1] * 1000, 57.9).size == 579


def test_sums_beyond_what_floating_point_can_count():
    # float32 and float64 cannot tell these sums from their neighbours: half is reached with the first, exactly.
    big = 2**59
    assert specialized([big + 1, big, 1], 50).tolist() == [0]
    assert specialized([big, big, 1], 50).tolist() == [0, 1]
    assert float(big) == float(big + 1)
    assert specialized([2**53, 1, 2**53, 1], 50).tolist() == [0, 2]


@pytest.mark.parametrize("k", [0, -1, 100.001, 101, float("-1")])
def test_k_outside_its_range_is_refused(k):
    with pytest.raises(ValueError, match=r"outside \(0, 100\]"):
        specialized([1, 2], k)


def test_a_layer_that_never_fired_is_refused():
    with pytest.raises(ValueError, match="ever active"):
        specialized([0, 0], 95)


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="negative"):
        specialized([3, -1], 95)


@given(COUNTS, st.data())
def test_coverage_is_the_share_of_the_kept(counts, data):
    kept = data.draw(st.lists(st.integers(0, len(counts) - 1), unique=True))
    expected = sum(counts[neuron] for neuron in kept) / sum(counts)
    assert coverage(counts, kept) == expected
    assert coverage(counts, range(len(counts))) == 1


def test_coverage_of_silence_is_zero():
    assert coverage([0, 0], [0]) == 0.0


def test_thresholds_by_kind_of_direction_and_component():
    four = {"en-x": {"encoder": 95, "decoder": 90}, "x-en": {"encoder": 85, "decoder": 80}}
    assert thresholds(95, "en-x") == {"encoder": 95, "decoder": 95}
    assert thresholds(four, "en-x") == {"encoder": 95, "decoder": 90}
    assert thresholds(four, "x-en") == {"encoder": 85, "decoder": 80}
    assert thresholds(four, "x-x") == {"encoder": 85, "decoder": 80}


def neurons(statistics, kind="en-x", components=("encoder", "decoder")) -> Neurons:
    layers = {layer: {"count": np.array(values)} for layer, values in statistics.items()}
    return Neurons({"en-de": layers}, {"en-de": kind}, components)


def test_every_layer_of_the_components_that_are_masked():
    counts = {("encoder", 0): [50, 30, 15, 5], ("encoder", 1): [1, 2, 97, 0], ("decoder", 0): [9, 1, 0, 0]}
    found = list(choose(neurons(counts, components=("encoder",)), 70))
    assert [(kept.pair, kept.layer, kept.neurons.tolist(), kept.k) for kept in found] == [
        ("en-de", ("encoder", 0), [0, 1], 70.0),
        ("en-de", ("encoder", 1), [2], 70.0),
    ]
    four = {"en-x": {"encoder": 95, "decoder": 90}, "x-en": {"encoder": 50, "decoder": 50}}
    assert [kept.neurons.tolist() for kept in choose(neurons(counts), four)] == [[0, 1, 2], [2], [0]]


def test_a_layer_that_nothing_can_be_selected_from_is_named():
    with pytest.raises(ValueError, match="en-de, decoder layer 3: no neuron of the layer was ever active"):
        list(choose(neurons({("encoder", 0): [1], ("decoder", 3): [0, 0]}), 95))
