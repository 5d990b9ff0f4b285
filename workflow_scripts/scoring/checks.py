"""What a score alone hides: lengths, languages, what cleaning puts out of reach, and metrics that disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workflow_scripts.direction import Direction
from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.scoring.markdown import further, number, table
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import called
from workflow_scripts.scoring.tables import TYPES

OPPOSED = tuple(METRICS[key].name for key in ("bleu", "chrf++"))
"""The metrics that are set against each other: one counts whole words, the other mostly characters."""
TRUSTED = 0.95
"""Share of references that must be identified as their own language for off-target rates to tell something."""
TITLE = "What scores hide"
MOST = 6
"""How many directions a remark lists."""


def _ratio(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def _percent(value: float) -> str:
    return "–" if pd.isna(value) else f"{100 * value:.1f}"


@dataclass(frozen=True)
class Measure:
    """A column of `tables/directions.csv` that is averaged over directions; `of_texts`: whatever the metric.

    `heading` is above its means, `note` says in a sentence what it is, `shown` prints one of them.
    """

    heading: str
    note: str
    shown: Callable[[float], str]
    of_texts: bool = False


MEASURES = {
    "length_ratio": Measure("length", "Length: tokens of the hypotheses for one of the references.", _ratio),
    "brevity_penalty": Measure("brevity", "Brevity: what BLEU is multiplied by for short hypotheses.", _ratio),
    "off_target": Measure(
        "off-target %", "Off-target: hypotheses that are identified as another language of the run.", _percent, True
    ),
    "identified_references": Measure(
        "references %", "References: those that are identified as their own language.", _percent, True
    ),
}


def means(frame: pd.DataFrame, pivot: str, missing: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Plain means of every measure that `frame` (`scoring.tables.directions`) has, by direction type.

    Columns: test_set, measure, metric, text, system, O2M, M2O, X2Y (where there are such directions) and the number of
    `directions`. Metric and text are empty for measures of the texts themselves. `missing` gives a measure that the run
    does not have a row with the reason as its `note`.
    """
    frame = frame.assign(type=[Direction.parse(pair).type(pivot) for pair in frame["pair"]])
    kinds = [kind for kind in TYPES if kind != "X2Y" or (frame["type"] == kind).any()]
    index, parts = ["test_set", "measure", "metric", "text", "system"], []
    for name, measure in MEASURES.items():
        rows = frame[frame[name].notna()] if name in frame else frame.iloc[:0]
        if rows.empty:
            continue
        rows = rows.assign(measure=name)
        if measure.of_texts:
            rows = rows.drop_duplicates(["test_set", "system", "pair"]).assign(metric="", text="")
        part = rows.pivot_table(index=index, columns="type", values=name, aggfunc="mean", sort=False)
        part = part.reindex(columns=kinds).assign(directions=rows.groupby(index)["pair"].nunique())
        parts.append(part.reset_index().rename_axis(columns=None))
    notes = [
        {"test_set": test_set, "measure": name, "note": note}
        for name, note in (missing or {}).items()
        for test_set in frame["test_set"].unique()
        if note
    ]
    columns = [*index, *kinds, "directions", "note"]
    return pd.concat([pd.DataFrame(columns=columns), *parts, pd.DataFrame(notes, columns=columns)], ignore_index=True)


@dataclass(frozen=True)
class Section:
    """The checks of one test set: a table of a row per system, and remarks, a sentence each."""

    title: str
    header: list[str]
    rows: list[list[str]]
    note: str
    remarks: list[str]


def sections(directions: pd.DataFrame, checks: pd.DataFrame, against: Sequence[str]) -> list[Section]:
    """What to show of every test set, the default one first.

    `checks` are the `means` of `directions`; differences are those to the systems `against`. Where text is scored in
    several variants, the last one counts.
    """
    found = []
    for name in sorted(directions["test_set"].unique(), key=lambda name: name != DEFAULT_SET):
        own = directions[directions["test_set"] == name]
        own = own[own["text"] == own["text"].iloc[-1]]
        header, rows, note = _rows(checks[checks["test_set"] == name] if len(checks) else checks)
        known = [f"{MEASURES[one.measure].heading} is not defined: {one.note}." for one in _notes(checks, name)]
        section = Section(", ".join([TITLE, *further(name)]), header, rows, note, [*remarks(own, against), *known])
        found += [section] if section.rows or section.remarks else []
    return found


def markdown(found: Sequence[Section]) -> str:
    """Sections as Markdown."""
    parts = []
    for section in found:
        parts += [f"## {section.title}"]
        parts += [table(section.header, section.rows), section.note] if section.rows else []
        parts += ["\n".join(f"- {remark}" for remark in section.remarks)] if section.remarks else []
    return "\n\n".join(parts) + "\n" if parts else ""


def _notes(checks: pd.DataFrame, test_set: str) -> list[Any]:
    """The measures of a test set that the run does not have, with the reason."""
    return list(checks[(checks["test_set"] == test_set) & checks["note"].notna()].itertuples()) if len(checks) else []


def _rows(checks: pd.DataFrame) -> tuple[list[str], list[list[str]], str]:
    """Header and rows of the table, and a note: a column per measure and direction type that has numbers.

    Measures of metrics are those of the first metric that has them.
    """
    if checks.empty:
        return [], [], ""
    # Metric and text are empty where the texts themselves are measured.
    checks = checks.fillna({"metric": "", "text": ""})
    systems = list(checks["system"].dropna().unique())
    header, columns, notes = ["system"], [], []
    for name, measure in MEASURES.items():
        rows = checks[(checks["measure"] == name) & checks["system"].notna()]
        rows = rows[rows["metric"] == next(iter(rows["metric"]), "")]
        rows = rows[rows["text"] == next(reversed(list(rows["text"])), "")].set_index("system")
        kinds = [kind for kind in TYPES if kind in rows and rows[kind].notna().any()]
        header += [f"{measure.heading} {kind}" if kind == kinds[0] else kind for kind in kinds]
        columns += [[measure.shown(value) for value in rows[kind].reindex(systems)] for kind in kinds]
        notes += [measure.note] if kinds else []
    return header, [list(row) for row in zip(systems, *columns, strict=True)], " ".join(notes)


def remarks(directions: pd.DataFrame, against: Sequence[str]) -> Iterator[str]:
    """What a reader of scores of one test set, in one variant of the text, should know."""
    yield from ceilings(directions)
    yield from languages(directions)
    for other in against:
        yield from disagreements(directions, other)


def languages(directions: pd.DataFrame) -> Iterator[str]:
    """Where hypotheses are off target beyond what references are, and where not even references are told rightly."""
    if "off_target" not in directions:
        return
    rows = directions.drop_duplicates(["system", "pair"])
    blurred = rows.drop_duplicates("pair")
    blurred = blurred[blurred["identified_references"] < TRUSTED]
    if not blurred.empty:
        listed = [f"{row.pair} {_percent(row.identified_references)} %" for row in blurred.itertuples()]
        yield f"Off-target rates mean little where few references are told to be in their language: {_listed(listed)}."
    off = rows[rows["off_target"] - (1 - rows["identified_references"]) > 1 - TRUSTED]
    for system, own in off.groupby("system", sort=False):
        own = own.sort_values("off_target", ascending=False, kind="stable")
        listed = [f"{row.pair} {_percent(row.off_target)} %" for row in own.itertuples()]
        yield f"Off target, {system}: {_listed(listed)} of the hypotheses are in another language of the run."


def ceilings(directions: pd.DataFrame) -> Iterator[str]:
    """A sentence for every metric of which the run's own cleaning puts something out of reach, beyond rounding."""
    if "out_of_reach" not in directions:
        return
    for metric, rows in directions.groupby("metric", sort=False):
        digits = called(metric).digits
        lost = rows[rows["out_of_reach"].round(digits) > 0].drop_duplicates("pair")
        lost = lost.sort_values("out_of_reach", ascending=False, kind="stable")
        if not lost.empty:
            listed = [f"{row.pair} {number(row.ceiling, metric)}" for row in lost.itertuples()]
            yield (
                f"Ceiling of {metric}: {_listed(listed)}. The references themselves score no better there after the "
                "run's own cleaning (data.clean)."
            )


def disagreements(directions: pd.DataFrame, against: str) -> Iterator[str]:
    """A sentence for every system that one of two metrics calls better than `against`, and the other worse.

    Differences that round to nothing are of no sign. The length ratio, where it is known, tells more often than not
    why: longer hypotheses lose words' precision and gain characters' recall.
    """
    first, second = OPPOSED
    scores = directions.pivot_table(index=["system", "pair"], columns="metric", values="score", sort=False)
    if not {first, second} <= set(scores) or against not in scores.index.get_level_values("system"):
        return
    lengths = directions[directions["metric"] == first].set_index(["system", "pair"]).get("length_ratio")
    for system, own in scores.groupby(level="system", sort=False):
        if system == against:
            continue
        difference = (own.droplevel("system") - scores.loc[against]).dropna(subset=[first, second])
        signs = {name: called(name).gain(1) * difference[name].map(lambda v, n=name: _sign(v, n)) for name in OPPOSED}
        opposed = difference[signs[first] * signs[second] < 0]
        if opposed.empty:
            continue
        listed = []
        for pair, row in opposed.iterrows():
            parts = [f"{number(row[name], name, signed=True)} {name}" for name in OPPOSED]
            if lengths is not None and pd.notna(lengths.get((system, pair))):
                parts.append(f"length {_ratio(lengths[system, pair])} after {_ratio(lengths[against, pair])}")
            listed.append(f"{pair} ({', '.join(parts)})")
        yield f"{first} and {second} disagree on {system} against {against}: {_listed(listed, '; ')}."


def _sign(value: float, metric: str) -> int:
    """The sign of a difference as it is shown: 0 where it rounds to nothing."""
    rounded = round(value, called(metric).digits)
    return (rounded > 0) - (rounded < 0)


def _listed(items: Sequence[str], separator: str = ", ") -> str:
    """The first items, and how many more there are."""
    more = len(items) - MOST
    return separator.join(items[:MOST]) + (f" and {more} more" if more > 0 else "")
