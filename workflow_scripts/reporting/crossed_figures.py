"""The figure of what other directions' masks do to the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from workflow_scripts.direction import PAPER, Direction
from workflow_scripts.languages import Language
from workflow_scripts.reporting import crossed
from workflow_scripts.reporting.overlaps import ARROWS
from workflow_scripts.reporting.style import COLUMN, family_colors, family_legend, named_cells, title
from workflow_scripts.scoring.names import called


def heat_map(
    table: pd.DataFrame, languages: Mapping[str, Language], pivot: str, metric: str
) -> tuple[Figure, pd.DataFrame]:
    """What masks change in a metric's score, a panel per kind: decoded directions (rows) under whose masks (columns).

    A direction's own masks are framed. Only the last variant of the text is drawn.
    """
    table = crossed.last(table[table["metric"] == metric])
    found = {str(kind): crossed.matrix(rows) for kind, rows in table.groupby("kind", sort=False)}
    colors = family_colors(languages)
    figure, axes = plt.subplots(
        1, len(found), squeeze=False, figsize=(COLUMN * len(found) + 0.7, COLUMN + 0.9), layout="constrained"
    )
    most = max(float(np.abs(values).max()) for _, values in found.values()) or 1.0
    entry = called(metric)
    shades = {"cmap": "RdBu" if entry.higher_is_better else "RdBu_r", "vmin": -most, "vmax": most}
    for axis, (kind, (pairs, values)) in zip(axes[0], found.items(), strict=True):
        directions = [Direction.parse(pair) for pair in pairs]
        codes = [pair.other(pivot) or pair.source for pair in directions]
        labels = [pair.other(pivot) or str(pair) for pair in directions]
        _panel(axis, labels, values, [colors[languages[code].family] for code in codes], shades)
        axis.set_title(ARROWS[PAPER[kind]].format(pivot=pivot))
        axis.set_xlabel("under the masks of")
    axes[0][0].set_ylabel("decoded")
    bar = figure.colorbar(axes[0][0].collections[0], ax=axes, fraction=0.03, aspect=30, pad=0.02)
    better = "" if entry.higher_is_better else ", lower is better"
    bar.set_label(f"{metric}, difference to no masks{better}")
    seen = {code for pair in table["pair"].unique() for code in Direction.parse(pair).languages} - {pivot}
    family_legend(figure, colors, [languages[code].family for code in seen])
    system, lines = table["system"].iloc[0], table["lines"].max()
    title(figure, f"The baseline under masks of {system}, own ones framed ({lines} lines a direction)")
    return figure, table


def _panel(
    axis: Axes, labels: Sequence[str], values: NDArray[np.float64], colors: Sequence, shades: Mapping[str, object]
) -> None:
    size = len(labels)
    mesh = axis.pcolormesh(np.ma.masked_invalid(values), rasterized=True, **shades)
    if size <= 9:
        for (row, column), value in np.ndenumerate(values):
            # White on dark cells, which lie at both ends.
            ink = "white" if abs(mesh.norm(value) - 0.5) > 0.35 else "0.15"
            text = f"{value:+.1f}".replace("-", "−")
            axis.text(column + 0.5, row + 0.5, text, color=ink, ha="center", va="center", fontsize=5.5)
    for place in range(size):
        frame = {"fill": False, "edgecolor": "black", "linewidth": 1.2, "zorder": 3, "clip_on": False}
        axis.add_patch(Rectangle((place, place), 1, 1, **frame))
    named_cells(axis, labels, colors)
