"""Figures of score differences and of training."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workflow_scripts.direction import Direction
from workflow_scripts.languages import Language, tier
from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.reporting.overlaps import ARROWS
from workflow_scripts.reporting.style import COLUMN, family_colors, family_legend, title
from workflow_scripts.scoring.names import called

TYPES = ("O2M", "M2O")
BETTER = "0.95"
"""Colour of the side where a system is better than the one it is compared with."""


def differences(
    scores: pd.DataFrame, tests: pd.DataFrame, languages: Mapping[str, Language], pivot: str, against: str
) -> pd.DataFrame:
    """Score differences to system `against` on the default test set, with `language`, `family`, `type` and `tier`.

    `outcome` is `win`, `tie` or `loss` of the significance test (randomization), empty without one.
    """
    keys = ["pair", "metric", "text"]
    scores = scores[scores["test_set"] == DEFAULT_SET]
    base = scores[scores["system"] == against].set_index(keys)["score"].rename("against_score")
    table = scores[scores["system"] != against].join(base, on=keys, how="inner")
    table["difference"] = table["score"] - table["against_score"]
    directions = {pair: Direction.parse(pair) for pair in table["pair"].unique()}
    table["type"] = [directions[pair].type(pivot) for pair in table["pair"]]
    table = table[table["type"].isin(TYPES)].copy()
    table["language"] = [directions[pair].other(pivot) for pair in table["pair"]]
    table["family"] = [languages[code].family for code in table["language"]]
    table["tier"] = [tier(directions[pair], pivot, languages) for pair in table["pair"]]
    if tests.empty:
        return table.assign(outcome="")
    tests = tests[(tests["test_set"] == DEFAULT_SET) & (tests["against"] == against)]
    outcomes = tests[tests["outcome"].fillna("") != ""].set_index(["system", *keys])["outcome"]
    table = table.join(outcomes, on=["system", *keys])
    return table.assign(outcome=table["outcome"].fillna(""))


def by_tier(
    table: pd.DataFrame, languages: Mapping[str, Language], metric: str, text: str, pivot: str, against: str
) -> Figure:
    """Mean difference of every system by tier and direction type, with the languages as dots."""
    known = dict.fromkeys(language.tier.capitalize() for language in languages.values())
    tiers = [*(name for name in known if name and name in set(table["tier"])), "All"]
    systems = list(table["system"].unique())
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.4), sharey=True, layout="constrained")
    width = 0.8 / len(systems)
    for axis, kind in zip(axes, TYPES, strict=True):
        rows = table[table["type"] == kind]
        for place, system in enumerate(systems):
            own = rows[rows["system"] == system]
            groups = [own if name == "All" else own[own["tier"] == name] for name in tiers]
            x = np.arange(len(tiers)) + (place - (len(systems) - 1) / 2) * width
            means = [group["difference"].mean() for group in groups]
            # The first colour is the baseline's, in the training curves.
            axis.bar(x, means, width * 0.9, color=f"C{place + 1}", label=system)
            for position, group in zip(x, groups, strict=True):
                axis.plot([position] * len(group), group["difference"], ".", color="0.25", markersize=2.5, alpha=0.7)
        axis.axhline(0, color="0.3", lw=0.6)
        axis.set_xticks(range(len(tiers)), tiers)
        axis.set_title(ARROWS[kind].format(pivot=pivot))
    axes[0].set_ylabel(_difference_in(metric, "\n"))
    limits, better = _sides(metric, *axes[0].get_ylim())
    for axis in axes:
        axis.axhspan(*better, color=BETTER, lw=0, zorder=0)
        axis.set_ylim(limits)
    handles, labels = axes[0].get_legend_handles_labels()
    handles, labels = [*handles, Patch(color=BETTER)], [*labels, "better"]
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    title(figure, f"{metric} against {against} by tier: means (bars) and languages (dots), {text} text")
    return figure


def by_language(
    table: pd.DataFrame, languages: Mapping[str, Language], metric: str, text: str, pivot: str, against: str
) -> Figure:
    """Difference of every system by language, in family colours; filled where significant."""
    colors = family_colors(languages)
    codes = [code for code in languages if code in set(table["language"])]
    systems = list(table["system"].unique())
    figure, axes = plt.subplots(
        len(systems),
        2,
        squeeze=False,
        sharex=True,
        sharey=True,
        figsize=(2 * COLUMN, 0.9 + len(systems) * (0.35 + 0.12 * len(codes))),
        layout="constrained",
    )
    tested = (table["outcome"] != "").any()
    for row, system in zip(axes, systems, strict=True):
        for axis, kind in zip(row, TYPES, strict=True):
            own = table[(table["system"] == system) & (table["type"] == kind)].set_index("language")
            for place, code in enumerate(codes):
                if code not in own.index:
                    continue
                color, value = colors[languages[code].family], own.loc[code, "difference"]
                filled = own.loc[code, "outcome"] in ("win", "loss") or not tested
                axis.plot([0, value], [place, place], color=color, lw=1)
                axis.plot(value, place, "o", color=color, mfc=color if filled else "white", markersize=4)
            axis.axvline(0, color="0.3", lw=0.6)
            axis.set_title(f"{system}, {ARROWS[kind].format(pivot=pivot)}")
        labels = [f"{languages[code].name} ({code})" for code in codes]
        row[0].set_yticks(range(len(codes)), labels)
        row[0].set_ylim(len(codes) - 0.5, -0.5)
        for label, code in zip(row[0].get_yticklabels(), codes, strict=True):
            label.set_color(colors[languages[code].family])
    limits, better = _sides(metric, *axes[0][0].get_xlim())
    for axis in axes.flat:
        axis.axvspan(*better, color=BETTER, lw=0, zorder=0)
        axis.set_xlim(limits)
    for axis in axes[-1]:
        axis.set_xlabel(_difference_in(metric))
    marks = [
        Line2D([], [], marker="o", ls="", color="0.3", mfc=fill, markersize=4, label=label)
        for fill, label in (("0.3", "p < 0.05 (corrected)"), ("white", "not significant"))
        if tested
    ]
    marks.append(Patch(color=BETTER, label="better"))
    family_legend(figure, colors, [languages[code].family for code in codes], marks)
    title(figure, f"{metric} against {against} by language, {text} text")
    return figure


def _difference_in(metric: str, gap: str = " ") -> str:
    """The label of an axis; a short axis has room for it with a line feed for `gap`."""
    entry = called(metric)
    notes = [*filter(None, [entry.unit]), *([] if entry.higher_is_better else ["lower is better"])]
    return f"difference in {metric}" + (f"{gap}({f',{gap}'.join(notes)})" if notes else "")


def _sides(metric: str, low: float, high: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The limits of an axis of differences, with a little of both sides, and the part where a system is better."""
    margin = 0.05 * (high - low)
    low, high = min(low, -margin), max(high, margin)
    return (low, high), (0, high) if called(metric).higher_is_better else (low, 0)


def training_curves(curves: Mapping[str, pd.DataFrame]) -> tuple[Figure, pd.DataFrame]:
    """Training and validation loss of the baseline and of every trained system over updates.

    `curves`: training.csv per name; the baseline has a panel of its own, systems start from its weights and share one.
    """
    first, *others = curves
    panels = [[first], others] if others else [[first]]
    figure, axes = plt.subplots(
        1, len(panels), figsize=(COLUMN * len(panels), 2.6), squeeze=False, layout="constrained"
    )
    colors = {name: f"C{place}" for place, name in enumerate(curves)}
    for axis, names in zip(axes[0], panels, strict=True):
        for name in names:
            for split, rows in curves[name].groupby("split"):
                style = {"ls": "-", "lw": 0.8, "alpha": 0.6} if split == "train" else {"ls": "--", "marker": "o"}
                axis.plot(rows["update"], rows["loss"], color=colors[name], markersize=3, **style)
        axis.set_xlabel("updates")
    axes[0][0].set_ylabel("loss (bits per token)")
    handles = [Line2D([], [], color=color, label=name) for name, color in colors.items()]
    handles += [
        Line2D([], [], color="0.3", lw=0.8, alpha=0.6, label="training"),
        Line2D([], [], color="0.3", ls="--", marker="o", markersize=3, label="validation"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False)
    title(figure, "Training and validation loss")
    frames = [frame.assign(model=name) for name, frame in curves.items()]
    return figure, pd.concat(frames, ignore_index=True)[["model", *frames[0].columns.drop("model")]]
