"""How much the neuron sets of directions share, and whether related languages share more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]
SHUFFLES = 1000
"""Shuffles of a permutation test that are in memory at once."""


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
    rows = membership(sets, ffn_dim).astype(np.float64)
    shared = rows @ rows.T
    sizes = rows.sum(axis=1)
    union = sizes[:, None] + sizes[None, :] - shared
    return np.divide(shared, union, out=np.ones_like(shared), where=union > 0)


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
    pair within, or none across families.
    """
    values, same = _pairs(similarity, families)
    if undefined(families):
        return np.full(values.shape[:-1], np.nan)[()]
    observed = np.subtract(*within_across(similarity, families))
    _, labels = np.unique(list(families), return_inverse=True)
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
    return (hits + 1) / (samples + 1)


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
