"""The summary as LaTeX, for a paper: a table per metric with booktabs' rules, in the layout of the paper's."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.scoring.markdown import VARIANTS, number, present
from workflow_scripts.scoring.names import called
from workflow_scripts.scoring.tables import differences_to

HEAD = "% Means over languages. Needs \\usepackage{booktabs} and \\usepackage{multirow}.\n"


def page(run: str, summary: pd.DataFrame, against: str | Sequence[str] | None) -> str:
    """A `tabular` per test set, metric and variant of `scoring.tables.summary`: a row per system, then differences."""
    parts = [f"% Run {run}.\n{HEAD}"]
    for (test_set, metric, text), rows in summary.groupby(["test_set", "metric", "text"], sort=False):
        where = "" if test_set == DEFAULT_SET else f", {test_set}"
        parts.append(f"% {called(metric).heading}, {VARIANTS[text]}{where}\n{_table(rows, metric, against)}")
    return "\n".join(parts)


def _table(rows: pd.DataFrame, metric: str, against: str | Sequence[str] | None) -> str:
    tiers, kinds = list(rows["tier"].unique()), present(rows)
    lines: dict[str, list[str]] = {}
    for system, own in rows.groupby("system", sort=False):
        by_tier = own.set_index("tier").reindex(tiers)
        lines[str(system)] = [_cell(by_tier, tier, kind, metric) for tier in tiers for kind in kinds]
    for other, end in differences_to(against).items():
        for system, own in rows.groupby("system", sort=False):
            columns = [f"{kind}{end}" for kind in kinds]
            if other and set(columns) <= set(own) and own[columns].notna().any(axis=None):
                by_tier = own.set_index("tier").reindex(tiers)
                lines[f"{system} $-$ {other}"] = [
                    number(by_tier.loc[tier, column], metric, signed=True).replace("-", "$-$")
                    for tier in tiers
                    for column in columns
                ]
    columns = pd.MultiIndex.from_product([[str(tier) for tier in tiers], kinds])
    frame = pd.DataFrame.from_dict(lines, orient="index", columns=columns)
    styler = frame.style.format_index(_escaped, axis=0).format_index(_escaped, axis=1)
    return styler.to_latex(hrules=True, multicol_align="c", column_format="l" + "r" * len(columns))


def _cell(by_tier: pd.DataFrame, tier: str, kind: str, metric: str) -> str:
    score, deviation = number(by_tier.loc[tier, kind], metric), by_tier.get(f"{kind}_sd")
    if deviation is None or pd.isna(deviation[tier]):
        return score
    return f"{score} {{\\small$\\pm${number(deviation[tier], metric)}}}"


def _escaped(name: str) -> str:
    """A name as LaTeX shows it; a minus between two names stays one."""
    return " $-$ ".join(
        "".join(f"\\{letter}" if letter in "&%$#_{}" else letter for letter in part) for part in name.split(" $-$ ")
    )
