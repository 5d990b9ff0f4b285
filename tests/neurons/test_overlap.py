"""Overlap and sparsity of neuron sets: hand-computed examples, and what must always hold."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from workflow_scripts.neurons.overlap import (
    adjusted_rand_index,
    iou,
    membership,
    permutation_test,
    sparsity,
    undefined,
    within_across,
)

FFN = 12
SETS = st.lists(st.sets(st.integers(0, FFN - 1)).map(sorted), min_size=2, max_size=6)


def test_iou_by_hand():
    matrix = iou([[0, 1, 2, 3], [2, 3, 4], [5]], 6)
    assert matrix.tolist() == [[1, 2 / 5, 0], [2 / 5, 1, 0], [0, 0, 1]]


def test_sparsity_by_hand():
    assert sparsity([0, 3, 4], 4096) == 1 - 3 / 4096
    assert sparsity([], 8) == 1
    assert sparsity(range(8), 8) == 0


@given(SETS)
def test_iou_is_intersection_over_union(sets):
    matrix = iou(sets, FFN)
    for i, j in itertools.product(range(len(sets)), repeat=2):
        a, b = set(sets[i]), set(sets[j])
        assert matrix[i, j] == pytest.approx(len(a & b) / len(a | b) if a | b else 1)
    assert np.array_equal(matrix, matrix.T)
    assert (np.diag(matrix) == 1).all()


@given(SETS, st.permutations(range(FFN)))
def test_iou_does_not_depend_on_how_neurons_are_numbered(sets, order):
    renamed = [[order[neuron] for neuron in members] for members in sets]
    assert np.array_equal(iou(sets, FFN), iou(renamed, FFN))


@given(SETS)
def test_membership_holds_each_set(sets):
    rows = membership(sets, FFN)
    assert [np.flatnonzero(row).tolist() for row in rows] == sets


@pytest.mark.parametrize("neuron", [-1, FFN])
def test_an_index_outside_the_layer_is_refused(neuron):
    with pytest.raises(ValueError, match=r"outside \[0, 12\)"):
        iou([[0], [neuron]], FFN)


FAMILIES = ["a", "a", "b", "b"]
SEPARATED = np.array([[1, 0.9, 0.1, 0.2], [0.9, 1, 0.3, 0.4], [0.1, 0.3, 1, 0.7], [0.2, 0.4, 0.7, 1]])


def test_within_and_across_by_hand():
    within, across = within_across(SEPARATED, FAMILIES)
    assert within == pytest.approx(0.8)
    assert across == pytest.approx(0.25)


def test_means_over_no_pairs_are_not_a_number():
    assert np.isnan(within_across(SEPARATED, list("abcd"))[0])
    assert np.isnan(within_across(SEPARATED, list("aaaa"))[1])
    assert np.isnan(permutation_test(SEPARATED, list("abcd")))


def test_p_is_the_share_of_relabelings_that_separate_as_well():
    # Four languages in two families of two: 3 ways to pair them up, of which one is as good as the truth.
    assert permutation_test(SEPARATED, FAMILIES, samples=20000, seed=1) == pytest.approx(1 / 3, abs=0.02)
    # The worst pairing is beaten or met by all.
    assert permutation_test(1 - SEPARATED, FAMILIES, samples=200) == 1


def test_clear_families_are_significant_and_none_are_not():
    families = np.repeat(list("abcd"), 4)
    related = np.where(families[:, None] == families[None, :], 0.8, 0.4)
    noise = np.random.default_rng(0).random((16, 16)) * 0.1
    assert permutation_test(related + noise + noise.T, families) < 0.001
    assert permutation_test(noise + noise.T, families) > 0.05


@given(st.integers(0, 2**32 - 1))
def test_p_is_reproducible_and_a_probability(seed):
    first = permutation_test(SEPARATED, FAMILIES, samples=50, seed=seed)
    assert first == permutation_test(SEPARATED, FAMILIES, samples=50, seed=seed)
    assert 1 / 51 <= first <= 1


def test_many_similarities_at_once_are_tested_like_each_alone():
    generator = np.random.default_rng(4)
    many = generator.random((3, 6, 6))
    families = list("aabbcc")
    together = permutation_test(many, families, samples=500, seed=7)
    assert together.shape == (3,)
    assert together.tolist() == [permutation_test(one, families, samples=500, seed=7) for one in many]
    within, across = within_across(many, families)
    alone = np.array([within_across(one, families) for one in many])
    assert np.array_equal(np.stack([within, across], axis=1), alone)


def slow_permutation_test(similarity, families, samples, seed):
    """The definition, a shuffle at a time."""
    generator = np.random.default_rng(seed)
    observed = np.subtract(*within_across(similarity, families))
    orders = np.argsort(generator.random((samples, len(families))), axis=1)
    shuffled = [np.subtract(*within_across(similarity, np.array(families)[order])) for order in orders]
    return (sum(value >= observed - 1e-12 for value in shuffled) + 1) / (samples + 1)


@given(st.lists(st.sampled_from("abc"), min_size=4, max_size=8), st.integers(0, 99))
def test_p_is_its_definition(families, seed):
    similarity = np.random.default_rng(seed).integers(0, 5, (len(families), len(families))) / 5
    if undefined(families):
        assert np.isnan(permutation_test(similarity, families))
    else:
        expected = slow_permutation_test(similarity, families, 60, seed)
        assert permutation_test(similarity, families, samples=60, seed=seed) == expected


@pytest.mark.parametrize(
    ("families", "reason"),
    [("aabb", ""), ("abcd", "no two languages are of one family"), ("aaaa", "all languages are of one family")],
)
def test_why_families_cannot_be_compared(families, reason):
    assert undefined(families) == reason


PARTITIONS = st.integers(2, 9).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 3), min_size=n, max_size=n)] * 2))


@given(PARTITIONS)
def test_adjusted_rand_index_is_scikit_learns(partitions):
    assert adjusted_rand_index(*partitions) == pytest.approx(adjusted_rand_score(*partitions))


def test_adjusted_rand_index_by_hand():
    assert adjusted_rand_index("aabb", [1, 1, 2, 2]) == 1
    # No pair is together in both; (2 · 2) / 6 would be expected, at most 2.
    assert adjusted_rand_index("aabb", [1, 2, 1, 2]) == pytest.approx((0 - 4 / 6) / (2 - 4 / 6))
