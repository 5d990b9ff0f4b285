"""What masks say about languages: overlap, families, sparsity, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from workflow_scripts.artifacts import COMPONENTS, Mask
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.languages import Language
from workflow_scripts.neurons import overlap
from workflow_scripts.reporting.overlaps import MEAN

Matrix = NDArray[np.float64]
SEED = 222


@dataclass(frozen=True)
class Side:
    """What the directions of one type share in the layers of one component: `iou` is [layers, n, n]."""

    component: str
    type: str
    languages: list[str]
    layers: list[int]
    iou: Matrix


def sides(masks: Sequence[Mask], languages: Mapping[str, Language], pivot: str) -> list[Side]:
    """Every component and type (`O2M`, `M2O`) with at least two directions; their languages in the table's order.

    Raises `UserError` where a direction has masks in some layers of a component only.
    """
    rows: dict[tuple[str, str], dict[tuple[str, int], Mask]] = {}
    for mask in masks:
        direction = Direction.parse(mask.pair)
        language = direction.other(pivot)
        if language is not None:
            rows.setdefault((mask.component, direction.type(pivot)), {})[language, mask.layer] = mask
    found = []
    for component in COMPONENTS:
        for kind in ("O2M", "M2O"):
            chosen = rows.get((component, kind), {})
            codes = [code for code in languages if code in {language for language, _ in chosen}]
            layers = sorted({layer for _, layer in chosen})
            if len(codes) < 2:
                continue
            if len(chosen) != len(codes) * len(layers):
                raise UserError(f"masks: not every {kind} direction has neurons in all of the {component}'s layers")
            width = next(iter(chosen.values())).ffn_dim
            sets = [[chosen[code, layer].neurons for code in codes] for layer in layers]
            found.append(
                Side(component, kind, codes, layers, np.stack([overlap.iou(members, width) for members in sets]))
            )
    return found


def overlap_table(found: Sequence[Side], languages: Mapping[str, Language]) -> pd.DataFrame:
    """One row per component, type, layer and two languages: their `iou`, and whether of one family."""
    columns = ["component", "layer", "type", "language_a", "language_b", "same_family", "iou"]
    frames = []
    for side in found:
        first, second = np.triu_indices(len(side.languages), k=1)
        codes = np.array(side.languages, dtype=object)
        families = np.array([languages[code].family for code in side.languages])
        each = {
            "language_a": codes[first],
            "language_b": codes[second],
            "same_family": families[first] == families[second],
        }
        frames += [
            pd.DataFrame(
                {"component": side.component, "layer": layer, "type": side.type, **each, "iou": matrix[first, second]}
            )
            for layer, matrix in zip(side.layers, side.iou, strict=True)
        ]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def family_table(found: Sequence[Side], languages: Mapping[str, Language]) -> pd.DataFrame:
    """How well families show per component, type and layer, and in the mean over layers (`all`): `family_scores`."""
    columns = ["component", "layer", "type", "within", "across", "p", "ari", "note"]
    frames = []
    for side in found:
        families = [languages[code].family for code in side.languages]
        scores = family_scores(np.concatenate([side.iou, side.iou.mean(axis=0, keepdims=True)]), families)
        layers = [*map(str, side.layers), MEAN]
        frames.append(pd.DataFrame(scores | {"component": side.component, "layer": layers, "type": side.type}))
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def family_scores(similarity: Matrix, families: Sequence[str]) -> dict[str, Matrix | list[float] | str]:
    """How well families show in similarities [m, n, n], a value each.

    `within`, `across`: mean IoU; `p`: permutation test of their difference; `ari`: adjusted Rand index between the
    families and the tree cut into as many clusters (1 = families recovered, 0 = as by chance). What is not defined is
    NaN, and `note` says why.
    """
    note = overlap.undefined(families)
    within, across = overlap.within_across(similarity, families)
    return {
        "within": within,
        "across": across,
        "p": overlap.permutation_test(similarity, families, seed=SEED),
        "ari": [float("nan") if note else _recovered(one, families) for one in similarity],
        "note": note,
    }


def _recovered(similarity: Matrix, families: Sequence[str]) -> float:
    clusters = fcluster(tree(similarity), t=len(set(families)), criterion="maxclust")
    return overlap.adjusted_rand_index(families, clusters)


def sparsity_table(masks: Sequence[Mask], pivot: str) -> pd.DataFrame:
    """One row per direction, component and layer: the share of neurons that are off."""
    rows = [
        (
            mask.pair,
            Direction.parse(mask.pair).type(pivot),
            mask.component,
            mask.layer,
            overlap.sparsity(mask.neurons, mask.ffn_dim),
        )
        for mask in masks
    ]
    return pd.DataFrame(rows, columns=["pair", "type", "component", "layer", "sparsity"])


def similarity(rows: pd.DataFrame) -> tuple[list[str], Matrix]:
    """Languages, and their IoU [n, n] averaged over layers, from rows of `overlap_table` of one component and type."""
    means = rows.groupby(["language_a", "language_b"], sort=False)["iou"].mean()
    first, second = (list(means.index.get_level_values(name)) for name in ("language_a", "language_b"))
    codes = list(dict.fromkeys([*first, *second]))
    matrix = np.eye(len(codes))
    places = [codes.index(code) for code in first], [codes.index(code) for code in second]
    matrix[places] = matrix[places[::-1]] = means
    return codes, matrix


def tree(similarity: Matrix, ordered: bool = False) -> Matrix:
    """Average linkage over the distances 1 - IoU (scipy's linkage matrix); `ordered` puts like leaves side by side."""
    distances = 1 - similarity
    np.fill_diagonal(distances, 0)
    return linkage(squareform(distances, checks=False), method="average", optimal_ordering=ordered)
