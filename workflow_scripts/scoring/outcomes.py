"""What tests of significance say of directions: wins, ties and losses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import as_written, number, read_json
from workflow_scripts.scoring.metric import Metric
from workflow_scripts.scoring.names import called
from workflow_scripts.scoring.people import agreeing
from workflow_scripts.scoring.resampling import LEVEL, holm
from workflow_scripts.scoring.tables import below

COLUMNS = ("test", "samples", "seed", "score", "against_score", "difference", "low", "high", "p")
FAMILY = ["test_set", "against", "system", "metric", "text", "test"]
"""Tests of directions that are corrected together."""
FAMILY_OF_MEANS = ["test_set", "against", "metric", "text", "tier", "type", "test"]
"""Tests of means that are corrected together: those of all systems."""


def read_tests(
    folder: Path, against: str, test_set: str, system: str, directions: Iterable[Direction]
) -> list[dict[str, Any]]:
    """Rows of the tests of one system against another on one test set; `folder` has a folder per contrast.

    They are a family: `p_holm` is p corrected by Holm (1979) over the directions within a metric and variant, and
    decides the `outcome`. The bootstrap gives intervals, no p and no outcome.

    Raises `UserError` where a test is missing, or is another one than its place says.
    """
    rows = []
    for direction in directions:
        path = below(folder / against / system, test_set) / f"{direction}.json"
        place = {"against": against, "system": system, "pair": str(direction)}
        with as_written(path):
            for entry in _results(path, place, f"{system} {direction} against {against}"):
                metric = called(entry["name"])
                row = {"test_set": test_set, "system": system, "pair": str(direction), "metric": metric.name}
                row |= {"text": entry["text"], "against": against}
                rows.append(row | _values(entry))
    return corrected(rows, FAMILY)


def read_means(folder: Path, against: str, test_set: str, systems: Iterable[str], primary: str) -> list[dict[str, Any]]:
    """Rows of the tests of systems' means against another's on one test set, corrected over the systems.

    `primary` is the name of the metric that claims are made by. Raises `UserError` as `read_tests` does.
    """
    rows = []
    for system in systems:
        path = below(folder / against / system, test_set) / "means.json"
        place = {"against": against, "system": system}
        with as_written(path):
            for entry in _results(path, place, f"the means of {system} against {against}"):
                metric = called(entry["name"])
                row = {"test_set": test_set, "system": system, "metric": metric.name, "primary": metric.name == primary}
                row |= {"text": entry["text"], "tier": entry["tier"], "type": entry["type"], "against": against}
                rows.append(row | _values(entry))
    return corrected(rows, FAMILY_OF_MEANS)


def with_people(rows: Sequence[Mapping[str, Any]], directions: pd.DataFrame) -> pd.DataFrame:
    """Rows of `read_means` as a frame, with `people`: what each difference means to them (`scoring.people`).

    `directions` (`scoring.tables.directions`) have the signatures of the metrics; where those of one metric differ by
    direction, nothing is known of their mean.
    """
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    known = directions.groupby("metric")["signature"].unique()
    signatures = {metric: found[0] for metric, found in known.items() if len(found) == 1}
    people = [
        agreeing(called(row.metric), signatures.get(row.metric, ""), row.difference) for row in frame.itertuples()
    ]
    return frame.assign(people=people)


def _values(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a test found; numbers are numbers."""
    found = {name: entry[name] for name in COLUMNS}
    for name in ("score", "against_score", "difference", *(["p"] if found["p"] is not None else [])):
        number(found[name])
    return found


def _results(path: Path, place: Mapping[str, str], what: str) -> list[dict[str, Any]]:
    if not path.exists():
        raise UserError(f"{path} does not exist: test {what} first")
    content = read_json(path)
    found = {key: content.get(key) for key in place} if isinstance(content, Mapping) else {}
    if found != place:
        raise UserError(f"{path} is of {found}, not of {place}: remove it, and test again")
    return content["results"]


def corrected(rows: Sequence[dict[str, Any]], family: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of tests with `p_holm`, corrected over those that agree in the columns `family`, and `outcome`."""
    families: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        families.setdefault(tuple(row[name] for name in family), []).append(row)
    for members in families.values():
        known = [row for row in members if row["p"] is not None]
        found = dict(zip(map(id, known), holm(np.array([row["p"] for row in known])), strict=True))
        for row in members:
            row["p_holm"] = found.get(id(row))
            result = {"p": row["p_holm"], "difference": row["difference"]}
            row["outcome"] = "" if row["p_holm"] is None else outcome(result, called(row["metric"]))
    return list(rows)


def outcome(result: Mapping[str, Any], metric: Metric) -> str:
    """`win` (the better score), `loss`, or `tie` where the difference is not significant at p < 0.05 (`LEVEL`)."""
    if result["p"] >= LEVEL or not result["difference"]:
        return "tie"
    return "win" if metric.gain(result["difference"]) > 0 else "loss"


def outcomes(tests: pd.DataFrame) -> pd.DataFrame:
    """Wins, ties and losses per test set, metric, variant, system, contrast and test, of tests that have an outcome."""
    tests = tests[tests["outcome"] != ""]
    keys = ["test_set", "metric", "text", "system", "against", "test"]
    if tests.empty:
        return pd.DataFrame(columns=[*keys, "wins", "ties", "losses"])
    counts = pd.crosstab([tests[key] for key in keys], tests["outcome"])
    counts = counts.reindex(columns=["win", "tie", "loss"], fill_value=0)
    counts = counts.reindex(pd.MultiIndex.from_frame(tests[keys].drop_duplicates()))
    counts.columns = ["wins", "ties", "losses"]
    return counts.reset_index()
