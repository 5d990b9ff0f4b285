"""Tables of single directions: scores of all systems, and what the tests say of them against one system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workflow_scripts.scoring.markdown import VARIANTS, further, number
from workflow_scripts.scoring.names import called

PLACE = ["test_set", "system", "pair", "metric", "text"]
Tested = Mapping[tuple[str, ...], Mapping[str, Any]]


def blocks(directions: pd.DataFrame, tests: pd.DataFrame, against: str | None) -> list[dict[str, Any]]:
    """A table per test set and metric in the last variant: rows of directions, a cell per system.

    A cell has the `score` and, where it was tested against that system, `outcome`, `difference`, its `interval` and
    its `sign` (`up` is better, which may be lower).
    """
    tested = _tested(tests, against)
    made = []
    for (test_set, metric), rows in directions.groupby(["test_set", "metric"], sort=False):
        text = rows["text"].iloc[-1]
        rows = rows[rows["text"] == text]
        systems = list(rows["system"].unique())
        scores = rows.set_index(["pair", "system"])["score"].to_dict()
        table = [
            {
                "pair": pair,
                "cells": [
                    {"score": number(scores.get((pair, system), float("nan")), metric)}
                    | _cell(tested.get((test_set, system, pair, metric, text), {}), metric)
                    for system in systems
                ],
            }
            for pair in rows["pair"].unique()
        ]
        title = ", ".join([called(metric).heading, VARIANTS[text], *further(test_set)])
        made.append({"title": title, "against": against, "systems": systems, "rows": table})
    return made


def _tested(tests: pd.DataFrame, against: str | None) -> Tested:
    """What the tests against a system say together of each place."""
    if tests.empty:
        return {}
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in tests[tests["against"] == against].to_dict("records"):
        known = {name: value for name, value in row.items() if not pd.isna(value) and value != ""}
        found.setdefault(tuple(row[name] for name in PLACE), {}).update(known)
    return found


def _cell(test: Mapping[str, Any], metric: str) -> dict[str, str]:
    made = {"outcome": test.get("outcome", ""), "difference": "", "interval": "", "sign": "same"}
    if "difference" in test:
        gain = called(metric).gain(test["difference"])
        made["difference"] = number(test["difference"], metric, signed=True).replace("-", "−")
        made["sign"] = "up" if gain > 0 else "down" if gain < 0 else "same"
        if {"low", "high"} <= set(test):
            ends = (number(test[end], metric, signed=True).replace("-", "−") for end in ("low", "high"))
            made["interval"] = " … ".join(ends)
    return made
