"""Approximate randomization and the paired bootstrap over sums of segments' statistics, many trials at a time.

The unit that is swapped or drawn is the *line* of a test set. Directions may hold the same line (a multi-parallel test
set): it is then swapped, or drawn, in all of them at once, since what makes a sentence easy or hard for one system does
so in every direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.05
"""Where p, corrected for the number of tests, is below it, a difference counts as real."""
CELLS = 2**21
"""Most trials × lines at a time: 16 MiB in double precision."""
WORD = 32
"""Trials at a time are a multiple of it, so that one seed gives the same swaps however many are drawn at a time."""
TOLERANCE = 1e-9
"""Differences that are this close are equal: the order of summing must not decide whether a trial counts."""


@dataclass(frozen=True)
class Paired:
    """Two systems' segments of one direction.

    `ours`, `theirs`: what is added up, [n, m]; `scores`: how sums [k, m] become scores [k]; `lines`: which line of the
    test set each segment is, whole numbers [n] from 0.
    """

    ours: Floats
    theirs: Floats
    scores: Callable[[Floats], Floats]
    lines: NDArray[np.int64]


def randomization(pairs: Sequence[Paired], weights: Floats, trials: int, seed: int) -> tuple[Floats, Floats]:
    """Approximate randomization, two-sided (Riezler and Maxwell 2005), of weighted sums of differences.

    `weights` [groups, directions] say what is tested: a row of the identity is one direction, a row of 1 / n a mean. In
    every trial each line's segments are swapped between the systems with probability 1/2. Returns the differences (ours
    minus theirs) and their p, both [groups]: p = (c + 1) / (trials + 1), where c trials differ at least as much as the
    systems do (Phipson and Smyth 2010).
    """
    real = weights @ np.concatenate([_difference(pair, pair.ours.sum(0), pair.theirs.sum(0)) for pair in pairs])
    least = np.abs(real) - TOLERANCE * np.maximum(1, np.abs(real))
    count = np.zeros(len(weights))
    generator = np.random.default_rng(seed)
    for size, lines in _parts(pairs, trials):
        swaps = generator.integers(2, size=(size, lines), dtype=bool)
        found = np.stack([_swapped(pair, swaps) for pair in pairs])
        count += (np.abs(weights @ found) >= least[:, None]).sum(axis=1)
    return real, (count + 1) / (trials + 1)


def bootstrap(pairs: Sequence[Paired], weights: Floats, resamples: int, seed: int) -> tuple[Floats, Floats]:
    """Paired bootstrap resampling (Koehn 2004): as many lines as there are, drawn with replacement.

    Returns the weighted sums of our scores, and of the differences, in every resample, both [groups, resamples].
    """
    ours, differences = [], []
    generator = np.random.default_rng(seed)
    for size, lines in _parts(pairs, resamples):
        drawn = generator.choice(lines, size=(size, lines), replace=True)
        places = drawn + lines * np.arange(size)[:, None]
        counts = np.bincount(places.ravel(), minlength=size * lines).reshape(size, lines).astype(np.float64)
        both = [[pair.scores(counts[:, pair.lines] @ side) for side in (pair.ours, pair.theirs)] for pair in pairs]
        scores = np.array(both)
        ours.append(weights @ scores[:, 0])
        differences.append(weights @ (scores[:, 0] - scores[:, 1]))
    return np.concatenate(ours, axis=1), np.concatenate(differences, axis=1)


def holm(p: Floats) -> Floats:
    """p corrected by Holm (1979) for as many tests as there are: [m]."""
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1)
    return corrected


def least_trials(tests: int) -> int:
    """How many trials it takes that the smallest p, 1 / (trials + 1), is below `LEVEL` after correction for `tests`."""
    return ceil(tests / LEVEL - TOLERANCE)


def _difference(pair: Paired, ours: Floats, theirs: Floats) -> Floats:
    return pair.scores(np.atleast_2d(ours)) - pair.scores(np.atleast_2d(theirs))


def _swapped(pair: Paired, swaps: NDArray[np.bool_]) -> Floats:
    """The differences of a direction in every trial: [trials]."""
    moved = swaps[:, pair.lines].astype(np.float64) @ (pair.theirs - pair.ours)
    return _difference(pair, pair.ours.sum(0) + moved, pair.theirs.sum(0) - moved)


def _parts(pairs: Sequence[Paired], number: int) -> Iterator[tuple[int, int]]:
    """How many trials to draw at a time, and over how many lines."""
    lines = 1 + max(int(pair.lines.max()) for pair in pairs)
    size = max(CELLS // lines // WORD, 1) * WORD
    for start in range(0, number, size):
        yield min(size, number - start), lines
