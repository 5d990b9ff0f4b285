"""What masks say about languages: overlap, families, sparsity, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from workflow_scripts.artifacts import COMPONENTS, Mask
from workflow_scripts.languages import Language
from workflow_scripts.neurons.overlap import iou, permutation_test, sparsity, within_across

SIDES = {"encoder": "M2O", "decoder": "O2M"}
"""Where a component sees different languages: the encoder in X→en, the decoder in en→X (as in the paper)."""
ARROWS = {"O2M": "{pivot}→X", "M2O": "X→{pivot}"}
SEED = 222


def languages_by_type(pairs: Sequence[str], languages: Mapping[str, Language], pivot: str) -> dict[str, list[str]]:
    """The other language of the directions out of (`O2M`) and into (`M2O`) the pivot, in the table's order."""
    return {
        "O2M": [code for code in languages if f"{pivot}-{code}" in pairs],
        "M2O": [code for code in languages if f"{code}-{pivot}" in pairs],
    }


def similarities(
    masks: Sequence[Mask], languages: Mapping[str, Language], pivot: str
) -> dict[tuple[str, int, str], tuple[list[str], NDArray[np.float64]]]:
    """`{(component, layer, direction type): (languages, IoU [n, n])}` for types with at least two directions."""
    by_layer: dict[tuple[str, int], dict[str, Mask]] = {}
    for mask in masks:
        by_layer.setdefault((mask.component, mask.layer), {})[mask.pair] = mask
    found = {}
    for component, layer in sorted(by_layer, key=lambda key: (COMPONENTS.index(key[0]), key[1])):
        rows = by_layer[component, layer]
        for kind, codes in languages_by_type(list(rows), languages, pivot).items():
            if len(codes) > 1:
                chosen = [rows[f"{pivot}-{code}" if kind == "O2M" else f"{code}-{pivot}"] for code in codes]
                found[component, layer, kind] = codes, iou([mask.neurons for mask in chosen], chosen[0].ffn_dim)
    return found


def overlap_table(masks: Sequence[Mask], languages: Mapping[str, Language], pivot: str) -> pd.DataFrame:
    """One row per component, layer, direction type and two languages: their `iou`, and whether of one family.

    Layers are counted from 1.
    """
    rows = [
        (component, layer + 1, kind, a, b, languages[a].family == languages[b].family, matrix[i, j])
        for (component, layer, kind), (codes, matrix) in similarities(masks, languages, pivot).items()
        for i, a in enumerate(codes)
        for j, b in enumerate(codes)
        if i < j
    ]
    columns = ["component", "layer", "type", "language_a", "language_b", "same_family", "iou"]
    return pd.DataFrame(rows, columns=columns)


def sparsity_table(masks: Sequence[Mask], pivot: str) -> pd.DataFrame:
    """One row per direction, component and layer (from 1): the share of neurons that are off."""
    rows = [
        (
            mask.pair,
            "O2M" if mask.pair.startswith(f"{pivot}-") else "M2O" if mask.pair.endswith(f"-{pivot}") else "X2Y",
            mask.component,
            mask.layer + 1,
            sparsity(mask.neurons, mask.ffn_dim),
        )
        for mask in masks
    ]
    return pd.DataFrame(rows, columns=["pair", "type", "component", "layer", "sparsity"])


def mean_similarity(
    masks: Sequence[Mask], languages: Mapping[str, Language], pivot: str, component: str
) -> tuple[list[str], NDArray[np.float64]]:
    """Languages, and their IoU [n, n] averaged over a component's layers, on the side where languages differ."""
    chosen = [
        found
        for (part, _, kind), found in similarities(masks, languages, pivot).items()
        if part == component and kind == SIDES[component]
    ]
    if not chosen:
        return [], np.zeros((0, 0))
    return chosen[0][0], np.mean([matrix for _, matrix in chosen], axis=0)


def tree(similarity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average linkage over the distances 1 - IoU (scipy's linkage matrix)."""
    distances = 1 - similarity
    np.fill_diagonal(distances, 0)
    return linkage(squareform(distances, checks=False), method="average", optimal_ordering=True)


def family_score(similarity: NDArray[np.float64], families: Sequence[str]) -> dict[str, float]:
    """How well families show in a similarity [n, n].

    `within`, `across`: mean IoU; `p`: permutation test of their difference; `ari`: adjusted Rand index between the
    families and the tree cut into as many clusters (1 = families recovered, 0 = as by chance).
    """
    within, across = within_across(similarity, families)
    clusters = fcluster(tree(similarity), t=len(set(families)), criterion="maxclust")
    return {
        "within": within,
        "across": across,
        "p": permutation_test(similarity, families, seed=SEED),
        "ari": float(adjusted_rand_score(families, clusters)),
    }


def family_table(masks: Sequence[Mask], languages: Mapping[str, Language], pivot: str) -> pd.DataFrame:
    """`family_score` per component, layer (from 1; 0 is the mean over layers) and direction type."""
    found = similarities(masks, languages, pivot)
    means: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for (component, _, kind), (_, matrix) in found.items():
        means.setdefault((component, kind), []).append(matrix)
    codes = {(component, kind): names for (component, _, kind), (names, _) in found.items()}
    entries = [((component, layer + 1, kind), matrix) for (component, layer, kind), (_, matrix) in found.items()]
    entries += [((component, 0, kind), np.mean(each, axis=0)) for (component, kind), each in means.items()]
    rows = [
        {"component": component, "layer": layer, "type": kind}
        | family_score(matrix, [languages[code].family for code in codes[component, kind]])
        for (component, layer, kind), matrix in entries
    ]
    return pd.DataFrame(rows, columns=["component", "layer", "type", "within", "across", "p", "ari"])
