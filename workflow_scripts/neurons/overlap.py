"""How much the neuron sets of directions share, and whether related languages share more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]
SHUFFLES = 250
"""Shuffles of a permutation test that are in memory at once."""
NEGLIGIBLE = 1e-18
"""Probability, relative to the most likely one, from which on terms of a sum are left out."""


def membership(sets: Sequence[ArrayLike], ffn_dim: int) -> NDArray[np.bool_]:
    """Neuron sets as rows of a Boolean matrix [n, ffn_dim]. Raises `ValueError` for an index outside the layer."""
    rows = np.zeros((len(sets), ffn_dim), dtype=bool)
    for row, members in zip(rows, sets, strict=True):
        members = np.asarray(members, dtype=np.int64)
        if members.size and not 0 <= members.min() <= members.max() < ffn_dim:
            raise ValueError(f"a neuron index is outside [0, {ffn_dim})")
        row[members] = True
    return rows


def iou(sets: Sequence[ArrayLike], ffn_dim: int) -> Matrix:
    """Intersection over union of every two of n neuron sets of one layer: float64 [n, n], symmetric, 1 = equal.

    Two empty sets are equal.
    """
    return iou_of(membership(sets, ffn_dim))


def iou_of(rows: NDArray[np.bool_]) -> Matrix:
    """`iou` of sets that are rows of a Boolean matrix [n, ffn_dim]."""
    members = rows.astype(np.float32)  # exact below 2^24 neurons
    shared = (members @ members.T).astype(np.float64)
    sizes = shared.diagonal()
    union = sizes[:, None] + sizes[None, :] - shared
    return np.divide(shared, union, out=np.ones_like(shared), where=union > 0)


def expected_iou(first: ArrayLike, second: ArrayLike, ffn_dim: int) -> Matrix:
    """Mean IoU of two random sets of `first` and `second` neurons (broadcast against each other) of a layer.

    With F neurons, the intersection X of sets of a and b is hypergeometric, so E = Σ P(X = x) x / (a + b - x): the sum
    itself. It runs from the most likely x, floor((a + 1)(b + 1) / (F + 2)), both ways by the ratio of neighbours
    P(x + 1) / P(x) = (a - x)(b - x) / ((x + 1)(F - a - b + x + 1)) until no term counts. Two empty sets are equal: 1.
    """
    first, second = np.broadcast_arrays(np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64))
    # E depends on the two sizes alone.
    keys = np.minimum(first, second) * (ffn_dim + 1) + np.maximum(first, second)
    unique, places = np.unique(keys, return_inverse=True)
    few, many = (sizes.astype(np.float64) for sizes in divmod(unique, ffn_dim + 1))
    mode = np.floor((few + 1) * (many + 1) / (ffn_dim + 2))
    both = few + many
    value = np.divide(mode, both - mode, out=np.ones_like(mode), where=both > 0)
    weights, sums = np.ones_like(mode), value.copy()
    for step in (1, -1):
        x, weight = mode.copy(), np.ones_like(mode)
        while True:
            if step > 0:
                ratio = (few - x) * (many - x) / ((x + 1) * np.maximum(ffn_dim - both + x + 1, 1))
            else:
                ratio = x * np.maximum(ffn_dim - both + x, 0) / ((few - x + 1) * (many - x + 1))
            weight = np.where(weight > NEGLIGIBLE, weight * ratio, 0)
            if not weight.any():
                break
            x = np.where(weight > 0, x + step, x)
            weights += weight
            sums += weight * np.divide(x, both - x, out=np.ones_like(x), where=both > x)
    return (sums / weights)[places].reshape(first.shape)


def corrected(similarity: ArrayLike, expected: ArrayLike, sizes: ArrayLike) -> Matrix:
    """(IoU - E) / (IoUmax - E) of every two of n sets [n, n]: 0 as by chance, 1 where the smaller set is in the larger.

    IoUmax = min(size) / max(size) is what sets of these `sizes` [n] can share at most (as in the adjusted Rand index,
    Hubert and Arabie 1985). Not a number where chance leaves no choice: a set is empty, or the whole layer.
    """
    sizes = np.asarray(sizes, dtype=np.float64)
    larger = np.maximum(sizes[:, None], sizes[None, :])
    most = np.divide(np.minimum(sizes[:, None], sizes[None, :]), larger, out=np.ones_like(larger), where=larger > 0)
    room = most - expected
    return np.divide(similarity - np.asarray(expected), room, out=np.full_like(room, np.nan), where=room > 1e-9)


def standardized(correction: ArrayLike, sizes: ArrayLike, ffn_dim: int) -> Matrix:
    """Corrected overlap [..., n, n] in units in which chance varies alike for sets of all `sizes` [..., n].

    The variance of a hypergeometric intersection makes that of the corrected value, to first order, odds(larger) /
    odds(smaller) / (F - 1) with odds(s) = s / (F - s): sets of unlike sizes vary more, and a test that shuffles pairs
    would be conservative where families differ in size.
    """
    sizes = np.asarray(sizes, dtype=np.float64)
    odds = (sizes + 0.5) / (ffn_dim - sizes + 0.5)
    first, second = odds[..., :, None], odds[..., None, :]
    return correction * np.sqrt(np.minimum(first, second) / np.maximum(first, second) * (ffn_dim - 1))


def kept_frequency_iou(rows: ArrayLike) -> Matrix:
    """IoU of every two of n sets, Boolean [n, F], that is expected where each neuron is in as many sets as it is.

    Sets differ in size, neurons in how many sets hold them: p of set i and a neuron in f sets is fitted as a logistic
    model, logit p = α_i + β_f, so that rows and columns add up to what was observed (Rasch 1960; maximum entropy). That
    exactly f sets hold a neuron makes two of them exclude each other a little: both hold it with
    p_i p_j (1 - (1 - p_i)(1 - p_j) / d), d = (n - 1) / n Σ p (1 - p) (Hájek 1964; the factor makes it exact for sets
    of one size). The sum X over neurons gives X / (a + b - X), to first order.
    """
    rows = np.asarray(rows, dtype=bool)
    n, sizes = len(rows), rows.sum(axis=1).astype(np.float64)
    # Neurons in equally many sets are alike; those in all sets or in none leave nothing to fit.
    found, counts = np.unique(rows.sum(axis=0), return_counts=True)
    free = (found > 0) & (found < n)
    chances = _fitted(sizes - counts[found == n].sum(), found[free].astype(np.float64), counts[free])
    both = np.full((n, n), float(counts[found == n].sum()))
    for chance, count in zip(chances.T, counts[free], strict=True):
        apart = (chance * (1 - chance)).sum() * (n - 1) / n
        less = np.outer(1 - chance, 1 - chance) / max(apart, 1e-12)
        both += count * np.outer(chance, chance) * np.clip(1 - less, 0, None)
    total = sizes[:, None] + sizes[None, :]
    shared = np.minimum(both, np.minimum(sizes[:, None], sizes[None, :]))
    return np.divide(shared, total - shared, out=np.ones_like(shared), where=total > shared)


def _fitted(sizes: Matrix, frequencies: Matrix, counts: NDArray[np.int64], rounds: int = 200) -> Matrix:
    """p [n, m] of logit p = α + β with row sums Σ counts p = `sizes` [n] and column sums `frequencies` [m].

    One Newton step for the rows and one for the columns in turn.
    """
    n, free = len(sizes), float(counts.sum())
    start = np.clip(sizes / max(free, 1.0), 1e-6, 1 - 1e-6)
    alpha = np.log(start / (1 - start))
    beta = np.log(frequencies / (n - frequencies)) - alpha.mean()
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-(alpha[:, None] + beta)))
        off = sizes - p @ counts
        alpha = np.clip(alpha + np.clip(off / np.maximum((p * (1 - p)) @ counts, 1e-9), -1, 1), -30, 30)
        p = 1 / (1 + np.exp(-(alpha[:, None] + beta)))
        beta += np.clip((frequencies - p.sum(axis=0)) / np.maximum((p * (1 - p)).sum(axis=0), 1e-9), -1, 1)
        if np.abs(off).max(initial=0) < 1e-6 * max(free, 1.0):
            break
    return 1 / (1 + np.exp(-(alpha[:, None] + beta)))


def groups(rows: ArrayLike, families: Sequence[str]) -> tuple[NDArray[np.int64], list[tuple[str, str]]]:
    """Who shares each neuron: for neuron sets of n languages, Boolean [n, F], a place [F] in a list of groups.

    A group is a kind and a name. `all`: every language keeps the neuron; `family`: every language of one family (of at
    least two, and not all) and no other; `language`: one language alone; `none`: no language; `some`: any other choice
    of languages. Every neuron is in one group.
    """
    rows, labels = np.asarray(rows, dtype=bool), np.asarray(families)
    found: list[tuple[str, str]] = [("some", ""), ("all", ""), ("none", "")]
    places = np.where(rows.all(axis=0), 1, np.where(rows.any(axis=0), 0, 2)).astype(np.int64)
    for family in dict.fromkeys(families):
        own = labels == family
        if 1 < own.sum() < len(labels):
            places[rows[own].all(axis=0) & ~rows[~own].any(axis=0)] = len(found)
            found.append(("family", family))
    single = rows.sum(axis=0) == 1
    single &= len(rows) > 1
    places[single] = len(found) + rows[:, single].argmax(axis=0)
    return places, [*found, *(("language", str(number)) for number in range(len(rows)))]


def sparsity(members: ArrayLike, ffn_dim: int) -> float:
    """Share of a layer's neurons that are switched off, between 0 and 1."""
    return 1 - np.asarray(members).size / ffn_dim


def undefined(families: Sequence[str]) -> str:
    """Why families cannot be compared: the reason in words; empty where they can.

    There must be two members of one family, and two families.
    """
    sizes = Counter(families)
    if len(sizes) < 2:
        return "all languages are of one family"
    return "" if max(sizes.values()) > 1 else "no two languages are of one family"


def within_across(similarity: ArrayLike, families: Sequence[str]) -> tuple[Matrix, Matrix]:
    """Mean similarity of two members of one family, and of two families: over pairs i < j of `similarity` [..., n, n].

    Both are [...]. A mean over no pairs is NaN.
    """
    values, same = _pairs(similarity, families)
    return _mean(values[..., same]), _mean(values[..., ~same])


def permutation_test(similarity: ArrayLike, families: Sequence[str], samples: int = 9999, seed: int = 0) -> Matrix:
    """p of the hypothesis that families do not matter: how often shuffled family names separate as well.

    The statistic is the mean similarity within families less that across families; one-sided, (hits + 1) / (samples +
    1) (Mantel 1967). `similarity` is [..., n, n] and p [...], every one by the same shuffles. NaN where there is no
    pair within, or none across families, or a similarity is NaN.
    """
    values, same = _pairs(similarity, families)
    if undefined(families):
        return np.full(values.shape[:-1], np.nan)[()]
    observed = np.subtract(*within_across(similarity, families))
    labels = np.unique(list(families), return_inverse=True)[1].astype(np.uint16)
    orders = np.argsort(np.random.default_rng(seed).random((samples, len(labels))), axis=1)
    rows, columns = np.triu_indices(len(labels), k=1)
    # Shuffling keeps the number of pairs within families, so sums decide as means do.
    count, total = np.count_nonzero(same), values.sum(axis=-1, keepdims=True)
    hits = np.zeros(values.shape[:-1], dtype=np.int64)
    for some in np.array_split(labels[orders], -(-samples // SHUFFLES)):
        within = values @ (some[:, rows] == some[:, columns]).T.astype(np.float64)
        differences = within / count - (total - within) / (len(same) - count)
        # Equal up to rounding counts as equal: the observed labels themselves are among the shuffles.
        hits += np.count_nonzero(differences >= observed[..., None] - 1e-12, axis=-1)
    return np.where(np.isnan(observed), np.nan, (hits + 1) / (samples + 1))[()]


def adjusted_rand_index(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Agreement of two partitions of the same items, 0 as by chance and 1 where they are the same.

    Hubert and Arabie (1985): pairs of items that are together in both, less what is expected of partitions of these
    sizes. Two partitions into one part, or into single items, are the same.
    """
    (_, rows), (_, columns) = (np.unique(list(labels), return_inverse=True) for labels in (first, second))
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1)
    both, one, other, all_ = (
        float((sizes * (sizes - 1) / 2).sum())
        for sizes in (table, table.sum(axis=1), table.sum(axis=0), np.array([float(len(rows))]))
    )
    expected, most = one * other / all_ if all_ else 0.0, (one + other) / 2
    return (both - expected) / (most - expected) if most != expected else 1.0


def _pairs(similarity: ArrayLike, families: Sequence[str]) -> tuple[Matrix, NDArray[np.bool_]]:
    """What stands above the diagonal, [..., n (n - 1) / 2], and which of it is within a family."""
    rows, columns = np.triu_indices(len(families), k=1)
    labels = np.asarray(families)
    return np.asarray(similarity, dtype=np.float64)[..., rows, columns], labels[rows] == labels[columns]


def _mean(values: Matrix) -> Matrix:
    return values.mean(axis=-1) if values.shape[-1] else np.full(values.shape[:-1], np.nan)[()]
