"""Two runs side by side."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workflow_scripts.scoring import markdown
from workflow_scripts.scoring.names import called

KEYS = ["test_set", "system", "pair", "metric", "text"]
MOST = 5
"""How many directions are shown at either end."""


def names(first: Path, second: Path) -> tuple[str, str]:
    """Short names of two runs' folders that tell them apart."""
    if first.resolve().name != second.resolve().name:
        return first.resolve().name, second.resolve().name
    return str(first), str(second)


def paired(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The scores both runs have: `KEYS`, `first`, `second`, `difference`, `same_signature`."""
    columns = [*KEYS, "score", "signature"]
    both = first[columns].merge(second[columns], on=KEYS, suffixes=("_first", "_second"))
    both = both.rename(columns={"score_first": "first", "score_second": "second"})
    both["difference"] = both["second"] - both["first"]
    both["same_signature"] = both["signature_first"] == both["signature_second"]
    return both[[*KEYS, "first", "second", "difference", "same_signature"]]


def text(first: pd.DataFrame, second: pd.DataFrame, both: pd.DataFrame, runs: tuple[str, str]) -> str:
    """The comparison as Markdown: means by tier (`scoring.tables.summary` of both), then the directions that differ."""
    parts = [f"# {runs[0]} and {runs[1]}"]
    if not both["same_signature"].all():
        parts.append("Beware: metrics or their settings differ (see the signatures in tables/directions.csv).")
    combined = pd.concat([first.assign(run=runs[0]), second.assign(run=runs[1])])
    for (test_set, metric, variant), rows in combined.groupby(["test_set", "metric", "text"], sort=False):
        words = ", ".join([markdown.VARIANTS[variant], *markdown.further(test_set)])
        parts += [f"## {called(metric).heading} ({words})", _means(rows, metric, runs)]
    for (test_set, metric, variant), rows in both.groupby(["test_set", "metric", "text"], sort=False):
        changed = rows[rows["difference"].abs() >= 0.5 * 10 ** -called(metric).digits]
        if not changed.empty:
            words = ", ".join([variant, *markdown.further(test_set)])
            parts += [f"## Directions: {called(metric).heading} ({words})", _extremes(changed, metric, runs)]
    if both.empty:
        parts.append("The two runs have no system and direction in common.")
    elif not both["difference"].any():
        parts.append(f"All {len(both)} scores that both runs have are equal.")
    return "\n\n".join(parts) + "\n"


def _means(rows: pd.DataFrame, metric: str, runs: tuple[str, str]) -> str:
    types = markdown.present(rows)
    tiers = list(rows["tier"].unique())
    header = ["system", "run", *(f"{tier} {kind}" if kind == types[0] else kind for tier in tiers for kind in types)]
    cells = []
    for system, own in rows.groupby("system", sort=False):
        values = {
            name: own[own["run"] == name].set_index("tier").reindex(tiers)[types].to_numpy(dtype=float).ravel()
            for name in runs
        }
        for name in runs:
            cells.append([system, name, *(markdown.number(value, metric) for value in values[name])])
        differences = values[runs[1]] - values[runs[0]]
        cells.append(["", "difference", *(markdown.number(value, metric, signed=True) for value in differences)])
    return markdown.table(header, cells, left=2)


def _extremes(changed: pd.DataFrame, metric: str, runs: tuple[str, str]) -> str:
    """Directions from the one that lost most to the one that gained most."""
    ordered = changed.sort_values("difference", key=called(metric).gain, kind="stable")
    shown = ordered if len(ordered) <= 2 * MOST else pd.concat([ordered.head(MOST), ordered.tail(MOST)])
    cells = []
    for row in shown.itertuples():
        scores = [markdown.number(value, metric) for value in (row.first, row.second)]
        cells.append([row.system, row.pair, *scores, markdown.number(row.difference, metric, signed=True)])
    return markdown.table(["system", "direction", *runs, "difference"], cells, left=2)
