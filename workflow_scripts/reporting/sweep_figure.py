"""Scores by how many neurons are kept: a line of systems that differ in k alone, beside all others."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.direction import Direction
from workflow_scripts.languages import Language
from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.reporting.overlaps import ARROWS
from workflow_scripts.reporting.style import COLUMN, title
from workflow_scripts.scoring.names import called

TYPES = ("O2M", "M2O")
MARKS = "osD^vP"
DASHES = ("--", ":", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)))


def means(scores: pd.DataFrame, languages: Mapping[str, Language], pivot: str, metric: str) -> pd.DataFrame:
    """Mean scores on the default test set, in the last variant: `system`, `type` (`O2M`, `M2O`), `score`.

    Means are over the directions that all systems have.
    """
    rows = scores[(scores["test_set"] == DEFAULT_SET) & (scores["metric"] == metric)]
    rows = rows[rows["text"] == rows["text"].iloc[-1]]
    common = set.intersection(*(set(own["pair"]) for _, own in rows.groupby("system")))
    rows = rows[rows["pair"].isin(common)]
    types = [Direction.parse(pair).type(pivot) for pair in rows["pair"]]
    rows = rows.assign(type=types)
    return rows.groupby(["system", "type"], sort=False)["score"].mean().reset_index()


def by_k(
    rows: pd.DataFrame, swept: Mapping[str, Mapping[str, str]], metric: str, pivot: str
) -> tuple[Figure, pd.DataFrame]:
    """A panel per direction type: a line per entry of `swept` (`{k: system}`), other systems as dashed lines.

    The table has `line`, `k` (none for others), `system`, `type` and `score`.
    """
    found = rows.set_index(["system", "type"])["score"]
    points = [(line, float(k), system) for line, systems in swept.items() for k, system in systems.items()]
    on_lines = {system for *_, system in points}
    points += [(system, float("nan"), system) for system in rows["system"].unique() if system not in on_lines]
    kinds = [kind for kind in TYPES if kind in set(rows["type"])]
    table = pd.DataFrame(
        [
            (line, k, system, kind, found[system, kind])
            for line, k, system in points
            for kind in kinds
            if (system, kind) in found.index
        ],
        columns=["line", "k", "system", "type", "score"],
    )
    figure, axes = plt.subplots(1, len(kinds), squeeze=False, figsize=(COLUMN * len(kinds), 2.7), layout="constrained")
    names = list(dict.fromkeys(table["line"]))
    for axis, kind in zip(axes[0], kinds, strict=True):
        own = table[table["type"] == kind]
        for place, name in enumerate(names):
            line = own[own["line"] == name].sort_values("k")
            if line["k"].isna().all():
                dashes = DASHES[place % len(DASHES)]
                axis.axhline(line["score"].iloc[0], color=f"C{place}", ls=dashes, lw=1, label=name)
            else:
                axis.plot(
                    line["k"], line["score"], f"{MARKS[place % len(MARKS)]}-", color=f"C{place}", ms=3.5, label=name
                )
        axis.set_title(ARROWS[kind].format(pivot=pivot))
        axis.set_xlabel("k (% of the activations that are kept)")
    entry = called(metric)
    axes[0][0].set_ylabel(f"{metric}{f' ({entry.unit})' if entry.unit else ''}, mean over languages")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    title(figure, f"{entry.heading} by how many neurons are kept")
    return figure, table
