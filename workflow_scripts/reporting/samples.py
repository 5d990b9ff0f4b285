"""Translations of all systems side by side: the lines of a direction in which two systems differ most."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.artifacts import read_segments, read_translations
from workflow_scripts.direction import Direction
from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.tables import below

PREFERRED = ("chrf++", "chrf")
"""Metrics that tell single lines apart well; else the run's first."""


def sections(
    results: Path, systems: Mapping[str, Sequence[str]], compared: tuple[str, str], metrics: Sequence[str], lines: int
) -> list[dict[str, Any]]:
    """A section per direction that both `compared` systems have: `{pair, lines: [{source, reference, hypotheses}]}`.

    `results` has the folders `translations` and `scores`; `systems` are the directions of each system on the default
    test set. Lines come with the largest difference between the two first; `hypotheses` are `{system, parts}`, where
    parts are `(text, whether the reference has it)`.
    """
    ours, theirs = compared
    found = []
    for pair in systems.get(ours, ()):
        if pair not in systems.get(theirs, ()):
            continue
        apart = differences(results, pair, compared, metrics)
        chosen = [int(line) for line in np.argsort(-apart, kind="stable")[:lines] if apart[line] > 0]
        if not chosen:
            continue
        texts = {
            name: read_translations(below(results / "translations" / name, DEFAULT_SET) / f"{pair}.parquet")[0]
            for name, pairs in systems.items()
            if pair in pairs
        }
        found.append({"pair": pair, "lines": [_line(texts, line) for line in chosen]})
    return found


def differences(results: Path, pair: str, compared: tuple[str, str], metrics: Sequence[str]) -> NDArray[np.float64]:
    """How far two systems are apart in every line of a direction, [n], by the metric that lines are told apart by."""
    key = next((key for key in PREFERRED if key in metrics), metrics[0])
    metric = METRICS[key]
    summed = metric.summed(Direction.parse(pair).target, {})
    scores = []
    for name in compared:
        path = below(results / "scores" / name, DEFAULT_SET) / f"{pair}.{metric.ends(key)[1]}"
        kept = read_segments(path)[0]
        values = [value for (_, stored), value in kept.items() if stored == metric.stored_name][-1]
        scores.append(summed.scores(metric.summands(values)))
    return np.nan_to_num(np.abs(scores[0] - scores[1]))


def _line(texts: Mapping[str, Any], line: int) -> dict[str, Any]:
    rows = {name: rows[line] for name, rows in texts.items()}
    first = next(iter(rows.values()))
    return {
        "source": first["source"],
        "reference": first["reference"],
        "hypotheses": [
            {"system": name, "parts": marked(row["hypothesis"], first["reference"])} for name, row in rows.items()
        ],
    }


def marked(hypothesis: str, reference: str) -> list[tuple[str, bool]]:
    """The words of a hypothesis in runs: `(text, whether they stand in the reference in this order)`."""
    words, wanted = hypothesis.split(), reference.split()
    parts = []
    at = 0
    for block in difflib.SequenceMatcher(a=words, b=wanted, autojunk=False).get_matching_blocks():
        if block.a > at:
            parts.append((" ".join(words[at : block.a]), False))
        if block.size:
            parts.append((" ".join(words[block.a : block.a + block.size]), True))
        at = block.a + block.size
    return parts
