"""Overlap and sparsity of neuron sets: hand-computed examples, and what must always hold."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import adjusted_rand_score

from workflow_scripts.neurons.overlap import (
    adjusted_rand_index,
    corrected,
    expected_iou,
    iou,
    kept_frequency_iou,
    membership,
    permutation_test,
    sparsity,
    standardized,
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


@pytest.mark.parametrize("ffn_dim", [1, 5, 9])
def test_expected_iou_is_the_sum_over_the_hypergeometric_distribution(ffn_dim):
    sizes = np.arange(ffn_dim + 1)
    found = expected_iou(sizes[:, None], sizes[None, :], ffn_dim)
    for a, b in itertools.product(sizes, sizes):
        first = set(range(a))
        drawn = [set(second) for second in itertools.combinations(range(ffn_dim), b)]
        each = [len(first & second) / len(first | second) if first | second else 1 for second in drawn]
        assert found[a, b] == pytest.approx(np.mean(each), abs=1e-12)


def corrections(sets, ffn_dim):
    """Sizes, and overlap corrected for size, and with frequencies kept."""
    rows = membership(sets, ffn_dim)
    sizes, similarity = rows.sum(axis=1), iou(sets, ffn_dim)
    by_size = corrected(similarity, expected_iou(sizes[:, None], sizes[None, :], ffn_dim), sizes)
    return sizes, by_size, corrected(similarity, kept_frequency_iou(rows), sizes)


def test_nested_sets_have_the_most_overlap_and_random_ones_none():
    _, nested, _ = corrections([range(20), range(50), range(300)], 400)
    assert nested == pytest.approx(np.ones((3, 3)))
    generator = np.random.default_rng(3)
    sizes = (20, 50, 200, 380)
    draws = [corrections([generator.permutation(400)[:size] for size in sizes], 400)[1] for _ in range(400)]
    pairs = np.triu_indices(len(sizes), k=1)
    values = np.array([draw[pairs] for draw in draws])
    assert (np.abs(values.mean(axis=0)) < 4 * values.std(axis=0) / np.sqrt(len(values))).all()


def test_without_choice_there_is_no_corrected_overlap():
    _, values, _ = corrections([range(4), range(12), []], 12)
    assert np.isnan(values).tolist() == [[False, True, True], [True, True, True], [True, True, True]]


def swapped(rows, generator, swaps):
    """The same row and column sums: two sets exchange two neurons that only one of them has (a checkerboard swap)."""
    rows = rows.copy()
    for _ in range(swaps):
        i, j = generator.choice(len(rows), 2, replace=False)
        own, other = np.flatnonzero(rows[i] & ~rows[j]), np.flatnonzero(rows[j] & ~rows[i])
        if own.size and other.size:
            pair = [generator.choice(own), generator.choice(other)]
            rows[i, pair], rows[j, pair] = [False, True], [True, False]
    return rows


@pytest.mark.parametrize("sizes", [(20, 20, 20, 20), (12, 20, 28, 36, 36)])
def test_overlap_with_frequencies_kept_is_that_of_random_swaps(sizes):
    generator = np.random.default_rng(5)
    order = np.linspace(2, -2, 48)
    rows = membership([np.argsort(-(order + generator.gumbel(size=48)))[:size] for size in sizes], 48)
    total, draws = np.zeros((len(sizes), len(sizes))), 150
    for _ in range(draws):
        rows = swapped(rows, generator, 60)
        total += iou([np.flatnonzero(row) for row in rows], 48)
    pairs = np.triu_indices(len(sizes), k=1)
    assert kept_frequency_iou(rows)[pairs] == pytest.approx((total / draws)[pairs], abs=0.04)
    uniform = expected_iou(*(np.array(sizes)[list(place)] for place in pairs), 48)
    assert (uniform < (total / draws)[pairs] - 0.04).all(), "otherwise the other null would do"


def rejected(core, related, runs, ffn_dim=128):
    """How often p ≤ 0.05 of IoU itself, corrected for size, and with frequencies kept: families differ in density."""
    generator = np.random.default_rng(11)
    families = np.repeat(list("abcd"), 4)
    density = dict(zip("abcd", (0.6, 0.7, 0.8, 0.9), strict=True))
    below = np.zeros(3)
    for _ in range(runs):
        common = core * np.linspace(3, -3, ffn_dim)
        own = {family: related * generator.normal(size=ffn_dim) for family in density}
        sets = [
            np.argsort(-(common + own[family] + generator.gumbel(size=ffn_dim)))[
                : round((density[family] + generator.uniform(-0.03, 0.03)) * ffn_dim)
            ]
            for family in families
        ]
        sizes, *both = corrections(sets, ffn_dim)
        values = [iou(sets, ffn_dim), *(standardized(each, sizes, ffn_dim) for each in both)]
        below += permutation_test(np.stack(values), families, samples=199, seed=1) <= 0.05
    return below / runs


def test_families_that_differ_in_density_alone_are_not_found():
    runs = 2500
    plain, by_size, frequencies = rejected(core=0, related=0, runs=runs)
    assert plain > 0.8
    for name, share in (("corrected for size", by_size), ("frequencies kept", frequencies)):
        interval = binomtest(round(share * runs), runs).proportion_ci()
        print(f"families, {name}: {100 * share:.2f} % of {runs} [{100 * interval.low:.2f}, {100 * interval.high:.2f}]")
        assert 0.035 <= share <= 0.065
    _, by_size, frequencies = rejected(core=1, related=0, runs=300)
    assert by_size > 0.15, "neurons that all prefer make density matter again"
    assert frequencies <= 0.065, "there the test is rather too careful"


def test_related_languages_are_found_whatever_their_density():
    power = [rejected(core=1, related=related, runs=100)[2] for related in (0.3, 0.6, 1)]
    print(f"families, frequencies kept, power at three effects: {power}")
    assert power[0] > 0.1
    assert power[1] > 0.8
    assert power[2] > 0.95
    assert rejected(core=1, related=1, runs=60)[1] > 0.8, "corrected for size"
