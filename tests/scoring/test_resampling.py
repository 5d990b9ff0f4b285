"""Tests of significance keep their size and have power: many nulls by fixed seeds, small statistics, in seconds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from workflow_scripts.scoring import resampling
from workflow_scripts.scoring.resampling import Paired, bootstrap, holm, randomization

NULLS = 2500
LINES = 60
DIRECTIONS = 6
TRIALS = 499


def means(sums):
    return sums[:, 0] / sums[:, 1]


def sides(generator, effect=0.0, shared=0.0, directions=1):
    """Segments of two systems in every direction; `shared` of a line's luck is the same in all of them."""
    luck = generator.normal(size=(2, 1, LINES)) * shared**0.5
    own = generator.normal(size=(2, directions, LINES)) * (1 - shared) ** 0.5
    ours, theirs = 5 + luck + own + np.array([effect, 0]).reshape(2, 1, 1)
    return [[np.column_stack([row, np.ones(LINES)]) for row in side] for side in (ours, theirs)]


def pairs_of(ours, theirs, lines=None):
    lines = [np.arange(LINES)] * len(ours) if lines is None else lines
    return [Paired(*both, means, own) for *both, own in zip(ours, theirs, lines, strict=True)]


def rejected(p, name):
    """The share of p below 0.05, printed with its binomial interval."""
    interval = binomtest(int((p < 0.05).sum()), len(p)).proportion_ci()
    print(f"{name}: {100 * (p < 0.05).mean():.2f} % of {len(p)} [{100 * interval.low:.2f}, {100 * interval.high:.2f}]")
    return (p < 0.05).mean()


def ratio_of(ours, theirs):
    """Two systems whose score is no mean of segments: a ratio of sums, as BLEU's and chrF's are."""
    return Paired(ours, theirs, lambda sums: 100 * sums[:, 0] / (sums[:, 0] + sums[:, 1]), np.arange(LINES))


def test_one_direction_keeps_its_size():
    def p_of(seed):
        generator = np.random.default_rng(seed)
        ours, theirs = generator.poisson(6, (2, LINES, 2)).astype(float)
        return randomization([ratio_of(ours, theirs)], np.eye(1), TRIALS, seed)[1][0]

    assert 0.035 <= rejected(np.array([p_of(seed) for seed in range(NULLS)]), "randomization, one direction") <= 0.065


def test_centring_absolute_differences_does_not():
    """What outcomes were taken from once: resampled |differences| less their mean, against the real one."""

    def p_of(seed):
        generator = np.random.default_rng(seed)
        ours, theirs = generator.poisson(6, (2, LINES, 2)).astype(float)
        pair = ratio_of(ours, theirs)
        _, (resampled,) = bootstrap([pair], np.eye(1), TRIALS, seed)
        real = pair.scores(ours.sum(axis=0)[None]) - pair.scores(theirs.sum(axis=0)[None])
        absolute = np.abs(resampled)
        return (1 + (absolute - absolute.mean() > np.abs(real)).sum()) / (TRIALS + 1)

    assert rejected(np.array([p_of(seed) for seed in range(NULLS)]), "bootstrap, absolute differences") > 0.1


@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_the_mean_over_directions_keeps_its_size(shared):
    """Lines that directions share make their differences alike; swapping lines allows for that."""
    weights = np.full((1, DIRECTIONS), 1 / DIRECTIONS)

    def p_of(seed):
        found = sides(np.random.default_rng(seed), shared=shared, directions=DIRECTIONS)
        return randomization(pairs_of(*found), weights, TRIALS, seed)[1][0]

    share = rejected(np.array([p_of(seed) for seed in range(NULLS)]), f"mean over directions, {shared:.0%} shared")
    assert 0.035 <= share <= 0.065


def test_swapping_every_direction_for_itself_does_not():
    weights = np.full((1, DIRECTIONS), 1 / DIRECTIONS)
    apart = list(np.arange(DIRECTIONS * LINES).reshape(DIRECTIONS, LINES))

    def p_of(seed):
        found = sides(np.random.default_rng(seed), shared=0.8, directions=DIRECTIONS)
        return randomization(pairs_of(*found, apart), weights, TRIALS, seed)[1][0]

    assert rejected(np.array([p_of(seed) for seed in range(500)]), "mean, every direction for itself") > 0.16


def test_holm_keeps_the_size_of_a_family():
    """At least one false win among directions that share their lines; not more often than in one true null of 20."""

    def p_of(seed):
        found = sides(np.random.default_rng(seed), shared=0.5, directions=DIRECTIONS)
        return holm(randomization(pairs_of(*found), np.eye(DIRECTIONS), TRIALS, seed)[1]).min()

    assert rejected(np.array([p_of(seed) for seed in range(NULLS)]), "any of six directions, after Holm") <= 0.065


def test_power_grows_with_the_effect():
    def share(effect):
        def p_of(seed):
            found = sides(np.random.default_rng(seed), effect)
            return randomization(pairs_of(*found), np.eye(1), TRIALS, seed)[1][0]

        return rejected(np.array([p_of(seed) for seed in range(400)]), f"power at {effect} standard deviations")

    small, middle, large = map(share, (0.2, 0.5, 0.8))
    # Of the paired t test at n = 60: 0.19, 0.77 and 0.99.
    assert 0.1 < small < 0.3
    assert 0.65 < middle < 0.88
    assert large > 0.95


def test_intervals_of_the_bootstrap_cover():
    def covers(seed):
        found = sides(np.random.default_rng(seed), effect=0.3, shared=0.8, directions=DIRECTIONS)
        weights = np.full((1, DIRECTIONS), 1 / DIRECTIONS)
        _, (differences,) = bootstrap(pairs_of(*found), weights, TRIALS, seed)
        low, high = np.percentile(differences, [2.5, 97.5])
        return low <= 0.3 <= high

    assert np.mean([covers(seed) for seed in range(500)]) > 0.9


@given(st.integers(2, 6), st.integers(1, 3), st.randoms(use_true_random=False))
def test_p_is_that_of_all_swaps(lines, directions, random):
    """By enumeration, with ties: whole numbers, few lines, directions that hold some of them."""
    held = [sorted(random.sample(range(lines), random.randint(1, lines))) for _ in range(directions)]
    values = [np.array([[random.randint(0, 3), random.randint(0, 3)] for _ in own], dtype=float) for own in held]
    pairs = [
        Paired(*(np.column_stack([side, np.ones(len(own))]) for side in both.T), means, np.array(own))
        for own, both in zip(held, values, strict=True)
    ]

    def mean(swaps):
        chosen = [np.where([swaps[line] for line in own], -1, 1) for own in held]
        return np.mean([(sign * (both[:, 0] - both[:, 1])).mean() for sign, both in zip(chosen, values, strict=True)])

    every = [abs(mean(swaps)) for swaps in itertools.product([False, True], repeat=lines)]
    exact = np.mean(np.array(every) >= every[0] - 1e-12)
    real, p = randomization(pairs, np.full((1, directions), 1 / directions), 2000, 3)
    assert real[0] == pytest.approx(mean([False] * lines))
    assert p[0] == pytest.approx(exact, abs=0.06)


def test_what_is_drawn_at_a_time_decides_nothing(monkeypatch):
    found = pairs_of(*sides(np.random.default_rng(4), directions=2))
    whole = randomization(found, np.eye(2), 1000, 4)[1], bootstrap(found, np.eye(2), 1000, 4)[1]
    monkeypatch.setattr(resampling, "CELLS", 100 * LINES)
    parts = randomization(found, np.eye(2), 1000, 4)[1], bootstrap(found, np.eye(2), 1000, 4)[1]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.6])) == pytest.approx([1, 1])


@pytest.mark.parametrize(("tests", "least"), [(1, 20), (16, 320), (60, 1200)])
def test_trials_are_enough_when_the_smallest_p_can_win(tests, least):
    assert resampling.least_trials(tests) == least
    assert 1 / (least + 1) < 0.05 / tests
