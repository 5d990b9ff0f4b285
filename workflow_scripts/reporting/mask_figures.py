"""Figures of what directions' neuron sets share, and how many neurons they leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.cluster.hierarchy import dendrogram

from workflow_scripts.languages import Language
from workflow_scripts.reporting import analysis
from workflow_scripts.reporting.selections import Selection
from workflow_scripts.reporting.style import COLUMN, family_colors, family_legend, title

Languages = Mapping[str, Language]
KINDS = {"O2M": "C0", "M2O": "C1", "X2Y": "C2"}


def heat_map(
    selection: Selection, languages: Languages, pivot: str, component: str, run: str
) -> tuple[Figure, pd.DataFrame]:
    """IoU between directions, one panel per layer of a component: the encoder's in X→en, the decoder's in en→X."""
    side = analysis.SIDES[component]
    found = {
        layer + 1: value
        for (part, layer, kind), value in analysis.similarities(selection.masks, languages, pivot).items()
        if part == component and kind == side
    }
    columns = min(2, len(found))
    rows = -(-len(found) // columns)
    colors = family_colors(languages)
    figure, axes = plt.subplots(
        rows, columns, squeeze=False, figsize=(COLUMN * columns, (COLUMN - 0.1) * rows + 0.7), layout="constrained"
    )
    off_diagonal = np.concatenate([matrix[np.triu_indices(len(codes), 1)] for codes, matrix in found.values()])
    limits = {"vmin": np.floor(off_diagonal.min() * 20) / 20, "vmax": np.ceil(off_diagonal.max() * 20) / 20}
    for axis, (layer, (codes, matrix)) in zip(axes.flat, found.items(), strict=False):
        _panel(axis, codes, matrix, [colors[languages[code].family] for code in codes], limits)
        axis.set_title(f"{component} layer {layer}")
    for axis in list(axes.flat)[len(found) :]:
        axis.set_axis_off()
    bar = figure.colorbar(axes.flat[0].collections[0], ax=axes, fraction=0.03, aspect=40, pad=0.02)
    bar.set_label("IoU (intersection over union; 1 on the diagonal)")
    family_legend(figure, colors, [languages[code].family for code in codes])
    arrow = analysis.ARROWS[side].format(pivot=pivot)
    title(figure, f"Overlap in the {component}, {arrow}: {selection.label}", run)
    table = analysis.overlap_table(selection.masks, languages, pivot)
    return figure, table[(table["component"] == component) & (table["type"] == side)]


def _panel(axis: Axes, codes: Sequence[str], matrix: np.ndarray, colors: Sequence, limits: Mapping[str, float]) -> None:
    size = len(codes)
    sns.heatmap(
        matrix,
        ax=axis,
        mask=np.eye(size, dtype=bool),
        cmap="viridis",
        **limits,
        square=True,
        cbar=False,
        annot=size <= 9,
        fmt=".2f",
        annot_kws={"fontsize": 5.5},
        xticklabels=codes,
        yticklabels=codes,
    )
    axis.tick_params(length=0, labelsize=6.5 if size <= 16 else 5.5)
    axis.set_xticklabels(codes, rotation=90 if size > 16 else 0)
    axis.set_yticklabels(codes, rotation=0)
    for labels in (axis.get_xticklabels(), axis.get_yticklabels()):
        for label, color in zip(labels, colors, strict=True):
            label.set_color(color)
            label.set_fontweight("bold")


def by_layer(selection: Selection, languages: Languages, pivot: str, run: str) -> tuple[Figure, pd.DataFrame]:
    """IoU of every two directions by layer: box plots, and lines for the means within and across families."""
    table = analysis.overlap_table(selection.masks, languages, pivot)
    table = table[[kind == analysis.SIDES[part] for part, kind in zip(table["component"], table["type"], strict=True)]]
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.6), sharey=True, layout="constrained")
    styles = {True: ("C2", "o-", "mean within families"), False: ("C3", "s--", "mean across families")}
    for axis, (component, kind) in zip(axes, analysis.SIDES.items(), strict=True):
        rows = table[table["component"] == component]
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
            axis.plot(means.index, means, line, color=color, markersize=3.5, label=label)
        axis.set_title(f"{component}, {analysis.ARROWS[kind].format(pivot=pivot)}")
        axis.set_xlabel("layer")
        axis.set_xticks(layers, layers)
    axes[0].set_ylabel("IoU of two directions")
    axes[0].legend(frameon=False)
    title(figure, f"Overlap by layer: {selection.label}", run)
    return figure, table


def sparsity(selection: Selection, pivot: str, run: str) -> tuple[Figure, pd.DataFrame]:
    """Share of neurons off by layer and direction type: mean and range over directions."""
    table = analysis.sparsity_table(selection.masks, pivot)
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.4), sharey=True, layout="constrained")
    for axis, component in zip(axes, analysis.SIDES, strict=True):
        rows = table[table["component"] == component]
        for kind, own in rows.groupby("type", sort=False):
            spread = 100 * own.groupby("layer")["sparsity"].agg(["mean", "min", "max"])
            label = analysis.ARROWS.get(str(kind), "X→Y").format(pivot=pivot)
            axis.plot(spread.index, spread["mean"], "o-", color=KINDS[str(kind)], markersize=3.5, label=label)
            axis.fill_between(spread.index, spread["min"], spread["max"], color=KINDS[str(kind)], alpha=0.15, lw=0)
        axis.set_title(component)
        axis.set_xlabel("layer")
        axis.set_xticks(sorted(rows["layer"].unique()))
    axes[0].set_ylabel("neurons off (%)")
    shown = {text: line for axis in axes for line, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    shown["range over directions"] = Line2D([], [], color="0.6", lw=5, alpha=0.4)
    axes[0].legend(shown.values(), shown.keys(), frameon=False)
    title(figure, f"Sparsity by layer and direction type: {selection.label}", run)
    return figure, table


def trees(selection: Selection, languages: Languages, pivot: str, run: str) -> tuple[Figure, pd.DataFrame]:
    """Languages clustered by the overlap of their neurons (mean over layers), and how well families come out."""
    colors = family_colors(languages)
    sides = {part: analysis.mean_similarity(selection.masks, languages, pivot, part) for part in analysis.SIDES}
    size = max(len(codes) for codes, _ in sides.values())
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 1.3 + 0.13 * max(size, 6)), layout="constrained")
    rows = []
    for axis, (component, (codes, matrix)) in zip(axes, sides.items(), strict=True):
        arrow = analysis.ARROWS[analysis.SIDES[component]].format(pivot=pivot)
        if len(codes) < 2:
            axis.set_axis_off()
            continue
        families = [languages[code].family for code in codes]
        score = analysis.family_score(matrix, families)
        drawn = dendrogram(
            analysis.tree(matrix),
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
        axis.set_xlabel("distance (1 − IoU)")
        axis.set_title(
            f"{component}, {arrow}: adjusted Rand index {score['ari']:.2f}\n"
            f"IoU within families {score['within']:.3f}, across {score['across']:.3f} (p = {score['p']:.2g})"
        )
        rows.append({"component": component, "type": analysis.SIDES[component], **score})
    family_legend(figure, colors, [languages[code].family for codes, _ in sides.values() for code in codes])
    title(figure, f"Languages clustered by overlap: {selection.label}", run)
    return figure, pd.DataFrame(rows)
