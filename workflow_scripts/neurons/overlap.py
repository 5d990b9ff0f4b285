"""How much the neuron sets of directions share, and whether related languages share more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]


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


def within_across(similarity: ArrayLike, families: Sequence[str]) -> tuple[float, float]:
    """Mean similarity of two members of one family, and of two families: over pairs i < j of `similarity` [n, n].

    A mean over no pairs is NaN.
    """
    similarity = np.asarray(similarity, dtype=np.float64)
    upper = np.triu_indices(len(families), k=1)
    labels = np.asarray(families)
    same = labels[upper[0]] == labels[upper[1]]
    values = similarity[upper]
    return _mean(values[same]), _mean(values[~same])


def permutation_test(similarity: ArrayLike, families: Sequence[str], samples: int = 9999, seed: int = 0) -> float:
    """p of the hypothesis that families do not matter: how often shuffled family names separate as well.

    The statistic is the mean similarity within families less that across families; one-sided, (hits + 1) / (samples +
    1) (Mantel 1967). NaN where there is no pair within, or none across families.
    """
    similarity = np.asarray(similarity, dtype=np.float64)
    observed = np.subtract(*within_across(similarity, families))
    if np.isnan(observed):
        return float("nan")
    generator = np.random.default_rng(seed)
    labels = np.asarray(families)
    rows, columns = np.triu_indices(len(labels), k=1)
    values = similarity[rows, columns]
    orders = np.argsort(generator.random((samples, len(labels))), axis=1)
    shuffled = labels[orders]
    same = shuffled[:, rows] == shuffled[:, columns]
    # Shuffling keeps the number of pairs within families, so sums decide as means do.
    counts = same[0].sum()
    within = same @ values
    differences = within / counts - (values.sum() - within) / (len(values) - counts)
    # Equal up to rounding counts as equal: the observed labels themselves are among the shuffles.
    hits = np.count_nonzero(differences >= observed - 1e-12)
    return (hits + 1) / (samples + 1)


def _mean(values: Matrix) -> float:
    return float(values.mean()) if values.size else float("nan")
