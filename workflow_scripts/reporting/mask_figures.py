"""Figures of what directions' neuron sets share, and how many neurons they leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.cluster.hierarchy import dendrogram

from workflow_scripts.languages import Language
from workflow_scripts.reporting import analysis
from workflow_scripts.reporting.overlaps import ARROWS, MEAN, SIDES, Tables, shown
from workflow_scripts.reporting.style import COLUMN, family_colors, family_legend, named_cells, title

Languages = Mapping[str, Language]
COLORS = {"O2M": "C0", "M2O": "C1", "X2Y": "C2"}


def heat_map(tables: Tables, languages: Languages, pivot: str, component: str) -> tuple[Figure, pd.DataFrame]:
    """IoU between directions, one panel per layer of a component: the encoder's in X→en, the decoder's in en→X."""
    table = tables.side(component)
    found = {layer: analysis.similarity(rows) for layer, rows in table.groupby("layer")}
    columns = min(2, len(found))
    rows = -(-len(found) // columns)
    colors = family_colors(languages)
    figure, axes = plt.subplots(
        rows, columns, squeeze=False, figsize=(COLUMN * columns, (COLUMN - 0.1) * rows + 0.7), layout="constrained"
    )
    limits = {"vmin": np.floor(table["iou"].min() * 20) / 20, "vmax": np.ceil(table["iou"].max() * 20) / 20}
    for axis, (layer, (codes, matrix)) in zip(axes.flat, found.items(), strict=False):
        _panel(axis, codes, matrix, [colors[languages[code].family] for code in codes], limits)
        axis.set_title(f"{component} layer {layer}")
    for axis in list(axes.flat)[len(found) :]:
        axis.set_axis_off()
    bar = figure.colorbar(axes.flat[0].collections[0], ax=axes, fraction=0.03, aspect=40, pad=0.02)
    bar.set_label("IoU (intersection over union; 1 on the diagonal)")
    family_legend(figure, colors, [languages[code].family for code in codes])
    arrow = ARROWS[SIDES[component]].format(pivot=pivot)
    title(figure, f"Overlap in the {component}, {arrow}: {tables.neurons}")
    return figure, table


def _panel(axis: Axes, codes: Sequence[str], matrix: np.ndarray, colors: Sequence, limits: Mapping[str, float]) -> None:
    size = len(codes)
    cells = np.ma.masked_array(matrix, mask=np.eye(size, dtype=bool))
    # seaborn's heatmap would draw the whole figure for every panel, to see whether labels fit.
    mesh = axis.pcolormesh(cells, rasterized=True, cmap="viridis", **limits)
    if size <= 9:
        for (row, column), value in np.ndenumerate(matrix):
            if row != column:
                # Black on light cells, white on dark ones.
                ink = "0.15" if mesh.norm(value) > 0.6 else "white"
                axis.text(column + 0.5, row + 0.5, f"{value:.2f}", color=ink, ha="center", va="center", fontsize=5.5)
    named_cells(axis, codes, colors)


def by_layer(tables: Tables, languages: Languages, pivot: str) -> tuple[Figure, pd.DataFrame]:
    """IoU of every two directions by layer: box plots, and lines for the means within and across families.

    Above them, where it is known, the IoU of what halves of a direction's own text choose.
    """
    notes = tables.means().set_index("component")["note"]
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.6), sharey=True, layout="constrained")
    styles = {True: ("C2", "o-", "mean within families"), False: ("C3", "s--", "mean across families")}
    for axis, (component, kind) in zip(axes, SIDES.items(), strict=True):
        rows = tables.side(component)
        layers = sorted(rows["layer"].unique())
        boxes = [rows.loc[rows["layer"] == layer, "iou"] for layer in layers]
        if boxes:
            axis.boxplot(
                boxes,
                positions=layers,
                widths=0.5,
                flierprops={"markersize": 2, "alpha": 0.5},
                medianprops={"color": "0.3"},
                boxprops={"color": "0.5"},
                whiskerprops={"color": "0.5"},
                capprops={"color": "0.5"},
            )
        for same, (color, line, label) in styles.items():
            means = rows[rows["same_family"] == same].groupby("layer")["iou"].mean()
            if not means.empty:
                axis.plot(means.index, means, line, color=color, markersize=3.5, label=label)
        halves = _halves(tables, component)
        if not halves.empty:
            axis.plot(halves.index, halves, "^:", color="0.4", markersize=3.5, label="two halves of one text")
        side, note = f"{component}, {ARROWS[kind].format(pivot=pivot)}", notes.get(component, "")
        axis.set_title(f"{side}\n({note})" if note else side)
        axis.set_xlabel("layer")
        axis.set_xticks(layers, layers)
    axes[0].set_ylabel("IoU of two directions")
    _legend(axes)
    title(figure, f"Overlap by layer: {tables.neurons}")
    sides = {component: tables.side(component) for component in SIDES}
    drawn = [rows.assign(halves=rows["layer"].map(_halves(tables, component))) for component, rows in sides.items()]
    return figure, pd.concat(drawn, ignore_index=True)


def _halves(tables: Tables, component: str) -> pd.Series:
    """What halves of a direction's text agree in, mean over directions by layer; empty where it is not known."""
    rows = tables.families
    rows = rows[(rows["component"] == component) & (rows["type"] == SIDES[component]) & (rows["layer"] != MEAN)]
    return rows.set_index(rows["layer"].astype(int))["halves"].dropna()


def sparsity(tables: Tables, languages: Languages, pivot: str) -> tuple[Figure, pd.DataFrame]:
    """Share of neurons off by layer and direction type: mean and range over directions."""
    table = tables.sparsity
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.4), sharey=True, layout="constrained")
    for axis, component in zip(axes, SIDES, strict=True):
        rows = table[table["component"] == component]
        for kind, own in rows.groupby("type", sort=False):
            spread = 100 * own.groupby("layer")["sparsity"].agg(["mean", "min", "max"])
            label, color = ARROWS[str(kind)].format(pivot=pivot), COLORS[str(kind)]
            axis.plot(spread.index, spread["mean"], "o-", color=color, markersize=3.5, label=label)
            axis.fill_between(spread.index, spread["min"], spread["max"], color=color, alpha=0.15, lw=0)
        axis.set_title(component)
        axis.set_xlabel("layer")
        axis.set_xticks(sorted(rows["layer"].unique()))
    axes[0].set_ylabel("neurons off (%)")
    _legend(axes, Line2D([], [], color="0.6", lw=5, alpha=0.4, label="range over directions"))
    title(figure, f"Sparsity by layer and direction type: {tables.neurons}")
    return figure, table


def shared(tables: Tables, languages: Languages, pivot: str) -> tuple[Figure, pd.DataFrame]:
    """Who keeps the neurons of each layer: all languages, one family, one language, others, none: 100 % together."""
    table = tables.shared[tables.shared["type"] == tables.shared["component"].map(SIDES)]
    colors = family_colors(languages)
    families = [family for family in colors if family in set(table.loc[table["group"] == "family", "name"])]
    parts = [("all", "", "0.25", "all languages")]
    parts += [("family", family, colors[family], f"{family} alone") for family in families]
    parts += [("language", "", "0.6", "one language alone"), ("some", "", "0.85", "other choices of languages")]
    parts += [("none", "", "white", "no language")]
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.8), sharey=True, layout="constrained")
    for axis, (component, kind) in zip(axes, SIDES.items(), strict=True):
        rows = table[table["component"] == component]
        layers = sorted(rows["layer"].unique())
        floor = np.zeros(len(layers))
        for group, name, color, _ in parts:
            own = rows[(rows["group"] == group) & ((rows["name"] == name) | (group == "language"))]
            shares = 100 * own.groupby("layer")["share"].sum().reindex(layers, fill_value=0).to_numpy(dtype=float)
            axis.bar(layers, shares, bottom=floor, color=color, edgecolor="0.4", linewidth=0.4, width=0.75)
            floor = floor + shares
        axis.set_title(f"{component}, {ARROWS[kind].format(pivot=pivot)}" + ("" if layers else ": not defined"))
        axis.set_xlabel("layer")
        axis.set_xticks(layers, layers)
    axes[0].set(ylim=(0, 100), ylabel="neurons (%)")
    handles = [Patch(facecolor=color, edgecolor="0.4", linewidth=0.4, label=label) for *_, color, label in parts]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    title(figure, f"Who keeps which neurons: {tables.neurons}")
    return figure, table


def trees(tables: Tables, languages: Languages, pivot: str) -> tuple[Figure, pd.DataFrame]:
    """Languages clustered by the overlap of their neurons (mean over layers), and how well families come out."""
    colors = family_colors(languages)
    sides = {part: analysis.similarity(tables.side(part), "corrected") for part in SIDES}
    scores = tables.means()
    size = max(len(codes) for codes, _ in sides.values())
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 1.3 + 0.13 * max(size, 6)), layout="constrained")
    for axis, (component, (codes, matrix)) in zip(axes, sides.items(), strict=True):
        if len(codes) < 2:
            axis.set_axis_off()
            continue
        side = f"{component}, {ARROWS[SIDES[component]].format(pivot=pivot)}"
        if not np.isfinite(matrix).all():
            axis.set_axis_off()
            axis.set_title(f"{side}: not defined\n(sets are empty or the whole layer)")
            continue
        families = [languages[code].family for code in codes]
        drawn = dendrogram(
            analysis.tree(matrix, ordered=True),
            orientation="left",
            labels=[f"{languages[code].name} ({code})" for code in codes],
            color_threshold=0,
            above_threshold_color="0.4",
            ax=axis,
        )
        for label, leaf in zip(axis.get_yticklabels(), drawn["leaves"], strict=True):
            label.set_color(colors[families[leaf]])
            label.set_fontsize(6.5)
        axis.spines["left"].set_visible(False)
        axis.set_xlabel("distance (1 − overlap corrected for size)")
        axis.set_title(f"{side}: {_scores(scores[scores['component'] == component].iloc[0])}")
    family_legend(figure, colors, [languages[code].family for codes, _ in sides.values() for code in codes])
    title(figure, f"Languages clustered by overlap: {tables.neurons}")
    return figure, scores


def _scores(row: pd.Series) -> str:
    """How well families come out, in two or three lines."""
    first = row["note"] or f"adjusted Rand index {row['ari']:.2f}"
    tested = "" if row["note"] else f" (p = {row['p']:.2g}; {row['kept_p']:.2g} with frequencies kept)"
    within, across = shown(row["corrected_within"], 3), shown(row["corrected_across"], 3)
    return f"{first}\ncorrected overlap within families {within}, across {across}\n{tested.strip()}".rstrip()


def _legend(axes: Sequence[Axes], *others: Line2D) -> None:
    """One legend for what either panel shows, below them, where it hides nothing."""
    found = {text: line for axis in axes for line, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    found |= {str(line.get_label()): line for line in others}
    figure = axes[0].figure
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=len(found), frameon=False)
