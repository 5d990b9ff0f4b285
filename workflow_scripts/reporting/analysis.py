"""What masks say about languages: overlap, families, sparsity, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    """What the directions of one type share in the layers of one component.

    `rows[layer]` are the sets, Boolean [n, F]; `iou` is [layers, n, n], `corrected` is corrected for the sizes of the
    sets, `kept` for sizes and for how many languages keep each neuron. `halves` [layers, n] is what the sets of two
    halves of a direction's text share; NaN where that is not defined.
    """

    component: str
    type: str
    languages: list[str]
    layers: list[int]
    rows: list[NDArray[np.bool_]]
    iou: Matrix
    corrected: Matrix
    kept: Matrix
    halves: Matrix

    def tested(self) -> Matrix:
        """`corrected` and `kept` as the family test takes them, per layer and summed over layers [2, layers + 1, n, n].

        A layer in which chance leaves two sets no choice adds nothing.
        """
        width = self.rows[0].shape[1]
        sizes = np.stack([rows.sum(axis=1) for rows in self.rows])
        each = np.stack([overlap.standardized(values, sizes, width) for values in (self.corrected, self.kept)])
        return np.concatenate([each, _mean_over_layers(each)], axis=1)


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
            halves = [[chosen[code, layer].halves for code in codes] for layer in layers]
            found.append(
                _side(component, kind, codes, layers, [overlap.membership(each, width) for each in sets], halves)
            )
    return found


def _side(
    component: str,
    kind: str,
    codes: list[str],
    layers: list[int],
    found: list[NDArray[np.bool_]],
    halves: list[list[float | None]],
) -> Side:
    ious, corrected, kept = [], [], []
    for rows in found:
        sizes, iou = rows.sum(axis=1), overlap.iou_of(rows)
        ious.append(iou)
        corrected.append(
            overlap.corrected(iou, overlap.expected_iou(sizes[:, None], sizes[None, :], rows.shape[1]), sizes)
        )
        kept.append(overlap.corrected(iou, overlap.kept_frequency_iou(rows), sizes))
    noise = np.array(halves, dtype=np.float64)
    return Side(component, kind, codes, layers, found, np.stack(ious), np.stack(corrected), np.stack(kept), noise)


def _mean_over_layers(values: Matrix) -> Matrix:
    """Mean of [..., layers, n, n] over the layers where it is defined, [..., 1, n, n]; NaN where it is in none."""
    defined = np.isfinite(values)
    count = defined.sum(axis=-3, keepdims=True)
    total = np.where(defined, values, 0).sum(axis=-3, keepdims=True)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def overlap_table(found: Sequence[Side], languages: Mapping[str, Language]) -> pd.DataFrame:
    """One row per component, type, layer and two languages: their `iou`, `corrected` for the sizes, and
    `kept` for how many languages keep each neuron as well; and whether they are of one family.
    """
    columns = ["component", "layer", "type", "language_a", "language_b", "same_family", "iou", "corrected", "kept"]
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
                {"component": side.component, "layer": layer, "type": side.type, **each}
                | {name: getattr(side, name)[place][first, second] for name in ("iou", "corrected", "kept")}
            )
            for place, layer in enumerate(side.layers)
        ]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def family_table(found: Sequence[Side], languages: Mapping[str, Language]) -> pd.DataFrame:
    """How well families show per component, type and layer, and in the mean over layers (`all`).

    `within`, `across`: mean IoU of two languages of one family, and of two families. `corrected_within`,
    `corrected_across`, `kept_within`, `kept_across`: the same of overlap corrected for size, and for size and how many
    languages keep each neuron; `p` and `kept_p`: permutation tests of their differences (in units of the standard
    deviation that chance gives). `ari`: adjusted Rand index between the families and the tree of corrected overlap, cut
    into as many clusters (1 = families recovered, 0 = as by chance). `halves`: mean IoU of the sets that two halves of
    a direction's own text choose; what is between it and 1 may be noise. What is not defined is NaN, and `note` says
    why.
    """
    columns = ["component", "layer", "type", "within", "across", "corrected_within", "corrected_across", "p"]
    columns += ["kept_within", "kept_across", "kept_p", "ari", "halves", "note"]
    frames = []
    for side in found:
        families = [languages[code].family for code in side.languages]
        scores: dict[str, Any] = {}
        for prefix, values in (("", side.iou), ("corrected_", side.corrected), ("kept_", side.kept)):
            means = overlap.within_across(np.concatenate([values, _mean_over_layers(values)]), families)
            scores |= dict(zip((f"{prefix}within", f"{prefix}across"), means, strict=True))
        scores["p"], scores["kept_p"] = overlap.permutation_test(side.tested(), families, seed=SEED)
        both = np.concatenate([side.corrected, _mean_over_layers(side.corrected)])
        scores |= {"ari": recovered(both, families), "note": [undefined(one, families) for one in both]}
        means = side.halves.mean(axis=1)
        scores["halves"] = [*means, means.mean()]
        layers = [*map(str, side.layers), MEAN]
        frames.append(pd.DataFrame(scores | {"component": side.component, "layer": layers, "type": side.type}))
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def undefined(similarity: Matrix, families: Sequence[str]) -> str:
    """Why families cannot be compared in similarities [n, n]: the reason in words; empty where they can."""
    chance = "" if np.isfinite(similarity).all() else "sets are empty or the whole layer"
    return overlap.undefined(families) or chance


def recovered(similarity: Matrix, families: Sequence[str]) -> list[float]:
    """Adjusted Rand index between families and clusters of every similarity of [m, n, n]; NaN where not defined."""
    return [float("nan") if undefined(one, families) else _recovered(one, families) for one in similarity]


def _recovered(similarity: Matrix, families: Sequence[str]) -> float:
    clusters = fcluster(tree(similarity), t=len(set(families)), criterion="maxclust")
    return overlap.adjusted_rand_index(families, clusters)


def neuron_table(found: Sequence[Side], languages: Mapping[str, Language]) -> pd.DataFrame:
    """One row per neuron of a component's layer and type: how many `languages` keep it, and in which group it is.

    `group` and `name` are those of `neurons.overlap.groups`.
    """
    columns = ["component", "type", "layer", "neuron", "languages", "group", "name"]
    frames = []
    for side in found:
        for layer, rows in zip(side.layers, side.rows, strict=True):
            places, names = _groups(side, rows, languages)
            kinds, labels = (np.array(each, dtype=object) for each in zip(*names, strict=True))
            frames.append(
                pd.DataFrame(
                    {"component": side.component, "type": side.type, "layer": layer, "neuron": np.arange(len(places))}
                    | {"languages": rows.sum(axis=0), "group": kinds[places], "name": labels[places]}
                )
            )
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def shared_table(found: Sequence[Side], languages: Mapping[str, Language]) -> pd.DataFrame:
    """One row per component, type, layer and group (`neurons.overlap.groups`): the `count` of its neurons, and
    their `share`.

    `expected` is how many neurons the group would have if every language kept as many as it does, at random: F times
    the product of densities of those that keep them, and of what is off in the others.
    """
    columns = ["component", "type", "layer", "group", "name", "count", "share", "expected"]
    lines = []
    for side in found:
        labels = np.array([languages[code].family for code in side.languages])
        for layer, rows in zip(side.layers, side.rows, strict=True):
            places, names = _groups(side, rows, languages)
            width, density = rows.shape[1], rows.mean(axis=1)
            counts = np.bincount(places, minlength=len(names))
            expected = np.zeros(len(names))
            for place, (kind, name) in enumerate(names):
                inside = labels == name if kind == "family" else np.array(side.languages) == name
                inside = np.full(len(labels), kind == "all") if kind in ("all", "none") else inside
                expected[place] = 0 if kind == "some" else width * np.where(inside, density, 1 - density).prod()
            expected[0] = width - expected.sum()
            here = (side.component, side.type, layer)
            lines += [
                (*here, *name, int(count), count / width, chance)
                for name, count, chance in zip(names, counts, expected, strict=True)
            ]
    return pd.DataFrame(lines, columns=columns)


def _groups(
    side: Side, rows: NDArray[np.bool_], languages: Mapping[str, Language]
) -> tuple[NDArray[np.int64], list[tuple[str, str]]]:
    """`overlap.groups`, with the codes of languages."""
    places, names = overlap.groups(rows, [languages[code].family for code in side.languages])
    return places, [(kind, side.languages[int(name)] if kind == "language" else name) for kind, name in names]


def sparsity_table(masks: Sequence[Mask], pivot: str) -> pd.DataFrame:
    """One row per direction, component and layer: the share of neurons that are off, and what `halves` agree in."""
    rows = [
        (
            mask.pair,
            Direction.parse(mask.pair).type(pivot),
            mask.component,
            mask.layer,
            overlap.sparsity(mask.neurons, mask.ffn_dim),
            mask.halves,
        )
        for mask in masks
    ]
    return pd.DataFrame(rows, columns=["pair", "type", "component", "layer", "sparsity", "halves"])


def similarity(rows: pd.DataFrame, column: str = "iou") -> tuple[list[str], Matrix]:
    """Languages, and a `column` [n, n] averaged over layers, from rows of `overlap_table` of one component and type."""
    means = rows.groupby(["language_a", "language_b"], sort=False)[column].mean()
    first, second = (list(means.index.get_level_values(name)) for name in ("language_a", "language_b"))
    codes = list(dict.fromkeys([*first, *second]))
    matrix = np.eye(len(codes))
    places = [codes.index(code) for code in first], [codes.index(code) for code in second]
    matrix[places] = matrix[places[::-1]] = means
    return codes, matrix


def tree(similarity: Matrix, ordered: bool = False) -> Matrix:
    """Average linkage over the distances 1 - similarity (scipy's linkage matrix).

    `ordered` puts like leaves side by side.
    """
    distances = 1 - similarity
    np.fill_diagonal(distances, 0)
    return linkage(squareform(distances, checks=False), method="average", optimal_ordering=ordered)
