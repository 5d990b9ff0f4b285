"""The summary as Markdown that also reads well in a terminal, in the layout of the paper's tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.scoring.names import called
from workflow_scripts.scoring.tables import TYPES, differences_to

VARIANTS = {
    "raw": "text as it is",
    "published": "text detokenized as in the paper",
    "repaired": "text repaired after detokenization",
}


PEOPLE = (
    "of 100 pairs of systems so far apart, for how many people prefer the one with the better score (Kocmi et al. "
    "2024, fitted to single directions of WMT)."
)
"""What the column of that name is."""


def percent(share: float) -> str:
    """A share in whole percent; `–` where there is none."""
    return "–" if pd.isna(share) else f"{100 * share:.0f}"


def probability(p: float) -> str:
    """A p to four decimals; `–` where there is none."""
    return "–" if pd.isna(p) else f"{p:.4f}" if p >= 0.00005 else "<0.0001"


def number(value: float, metric: str, signed: bool = False) -> str:
    """A score of a metric as the paper prints it; `–` where there is none."""
    return called(metric).shown(value, signed)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A Markdown table with aligned columns; the first `left` columns are flush left."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = (f"{'-' * width}-" if i < left else f"{'-' * width}:" for i, width in enumerate(widths))
    return "\n".join([line(header), f"|{'|'.join(f'-{part}' for part in rule)}|".replace("|-", "|-"), *map(line, rows)])


def page(
    run: str,
    against: str | Sequence[str] | None,
    summary: pd.DataFrame,
    wins: pd.DataFrame,
    repaired: pd.DataFrame,
    tested: pd.DataFrame | None = None,
    claims: pd.DataFrame | None = None,
) -> str:
    """All there is to say: the default test set first, then a section for every further one.

    The tables are `summary` and `repaired` of `scoring.tables`, and `outcomes` of `scoring.outcomes`; `tested` are its
    tests of means, `claims` the table of `scoring.seeds`.
    """
    sets = summary["test_set"].unique()
    parts = []
    for name in sorted(sets, key=lambda name: name != DEFAULT_SET):
        own = [frame if frame.empty else frame[frame["test_set"] == name] for frame in (summary, wins, repaired)]
        parts.append(means(own[0], f"{run}: {', '.join(['means over languages', *further(name)])}", against))
        if tested is not None and not tested.empty:
            known = tested[tested["test_set"] == name]
            parts += [tested_means(rows, str(other)) for other, rows in known.groupby("against", sort=False)]
        if claims is not None and not claims.empty:
            parts.append(by_seeds(claims[claims["test_set"] == name]))
        if not own[1].empty:
            parts += [outcomes(rows, str(other)) for other, rows in own[1].groupby("against", sort=False)]
        if not own[2].empty:
            parts.append(repairs(own[2]))
    return "\n".join(parts)


def means(frame: pd.DataFrame, title: str, against: str | Sequence[str] | None) -> str:
    """The summary table of every metric and variant on one test set (`scoring.tables.summary`)."""
    parts = [f"# {title}"]
    for (metric, text), rows in frame.groupby(["metric", "text"], sort=False):
        parts += [f"## {called(metric).heading} ({VARIANTS[text]})", _scores(rows, metric, against)]
    note = "O2M: from the pivot language, M2O: into it, Avg: mean of the two."
    counts = frame[frame["tier"] == "All"].groupby("system", sort=False)["directions"].max().dropna()
    if counts.nunique() > 1:
        listed = ", ".join(f"{system} {count:.0f}" for system, count in counts.items())
        note += f"\nBeware: means are over different directions ({listed}); differences are over common ones."
    return "\n\n".join([*parts, note]) + "\n"


def further(test_set: str) -> list[str]:
    """What a heading says of the test set: its name, and nothing of the default one."""
    return [] if test_set == DEFAULT_SET else [test_set]


def repairs(frame: pd.DataFrame) -> str:
    """The directions whose scores change when the text is repaired (`scoring.tables.repaired`)."""
    changed = frame[frame["difference"].abs() >= 0.05]
    unknown = frame.drop_duplicates("pair").query("unknown_references > 0")
    parts = ["## What repairing the text changes"]
    if changed.empty:
        parts.append("Nothing: no score differs between the published and the repaired text.")
    else:
        cells = [
            [
                row.pair,
                row.metric,
                row.system,
                number(row.published, row.metric),
                number(row.repaired, row.metric),
                number(row.difference, row.metric, signed=True),
            ]
            for row in changed.sort_values(["pair", "metric"], kind="stable").itertuples()
        ]
        parts.append(table(["direction", "metric", "system", "published", "repaired", "difference"], cells, left=3))
    if not unknown.empty:
        listed = ", ".join(f"{row.pair} {row.unknown_references}" for row in unknown.itertuples())
        parts.append(f"Lines whose reference holds an unknown token (scored as they are): {listed}.")
    return "\n\n".join(parts) + "\n"


def outcomes(frame: pd.DataFrame, against: str) -> str:
    """Wins, losses and ties against a system (`scoring.outcomes.outcomes`)."""
    header = ["metric", "text", "system", "test", "wins", "ties", "losses"]
    cells = [[str(value) for value in row] for row in frame[header].itertuples(index=False)]
    note = "p < 0.05 after correction for the number of directions (Holm)"
    return f"## Directions better or worse than {against} ({note})\n\n{table(header, cells, left=4)}\n"


def tested_means(frame: pd.DataFrame, against: str) -> str:
    """Differences of means over all languages to a system, with p and intervals (`scoring.outcomes.read_means`).

    A row per metric, variant, system and type: what the two tests say of one mean stands together.
    """
    keys = ["metric", "text", "system", "type"]
    frame = frame[frame["tier"] == "All"].sort_values("primary", ascending=False, kind="stable")
    cells = []
    for (metric, text, system, kind), rows in frame.groupby(keys, sort=False):
        first = rows[["low", "high", "p", "p_holm"]].astype(float).bfill().iloc[0]
        interval = [number(first[end], metric, signed=True) for end in ("low", "high")]
        p = [probability(first[name]) for name in ("p", "p_holm")]
        label = f"{metric} (primary)" if rows["primary"].iloc[0] else metric
        outcome = "".join(rows["outcome"].fillna(""))
        difference = number(rows["difference"].iloc[0], metric, signed=True)
        cells.append([label, text, system, kind, difference, f"{interval[0]} … {interval[1]}", *p, outcome])
        cells[-1].append(percent(rows["people"].iloc[0]))
    header = ["metric", "text", "system", "mean", "difference", "95 % interval", "p", "p (Holm)", "outcome", "people"]
    note = (
        "Two trained models are compared, not two methods: the unit is the line of the test set, in every direction "
        "that holds it. p by approximate randomization, corrected for the number of systems; intervals by bootstrap. "
        f"people: {PEOPLE}"
    )
    return f"## Means against {against}\n\n{table(header, cells, left=4)}\n\n{note}\n"


SEEDS = ("metric", "text", "group", "against", "mean", "seeds", "difference", "95 % interval", "p")
"""Above what `seed_cells` gives."""
SEEDS_NOTE = "Paired by seed; p of all sign flips, from six on. `another seed`: mean difference of two of one group."


def by_seeds(frame: pd.DataFrame) -> str:
    """Differences of means over training seeds, over all languages (`scoring.seeds.table`)."""
    return f"## Methods, by training seeds\n\n{table(SEEDS, seed_cells(frame), left=5)}\n\n{SEEDS_NOTE}\n"


def seed_cells(frame: pd.DataFrame) -> list[list[str]]:
    """The rows of that table."""
    cells = []
    for row in frame[frame["tier"] == "All"].itertuples():
        low, high = (number(value, row.metric, signed=True) for value in (row.low, row.high))
        spread = f"at most {number(row.high, row.metric)}"
        contrast = row.kind == "contrast"
        cells.append(
            [
                *(row.metric, row.text, row.group, row.against if contrast else row.kind, row.type, str(row.seeds)),
                number(row.difference, row.metric, signed=contrast),
                f"{low} … {high}" if contrast else spread,
                probability(row.p),
            ]
        )
    return cells


def present(summary: pd.DataFrame) -> list[str]:
    """The columns of direction types, and of their average, that have a number."""
    return [name for name in (*TYPES, "Avg") if name in summary and summary[name].notna().any()]


def _scores(rows: pd.DataFrame, metric: str, against: str | Sequence[str] | None) -> str:
    types = present(rows)
    tiers = list(rows["tier"].unique())
    header = ["", *(f"{tier} {kind}" if kind == types[0] else kind for tier in tiers for kind in types)]
    cells = []
    for system, own in rows.groupby("system", sort=False):
        by_tier = own.set_index("tier")
        differences = ((f"  − {other}", end) for other, end in differences_to(against).items())
        for label, end in ((system, ""), (f"  ± {system}", "_sd"), *differences):
            columns = [f"{kind}{end}" for kind in types]
            if not all(name in by_tier for name in columns) or by_tier[columns].isna().all(axis=None):
                continue
            values = by_tier.reindex(tiers)[columns].to_numpy().ravel()
            cells.append([label, *(number(value, metric, signed="−" in label) for value in values)])
    return table(header, cells)
