"""Is a difference between two systems real? sacrebleu's paired tests on statistics of segments."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.base import Metric, Score
from sacrebleu.significance import PairedTest

from workflow_scripts.scoring.tables import NAMES

TESTS = {"bootstrap": "bs", "randomization": "ar"}
"""Paired bootstrap resampling (Koehn 2004) and approximate randomization (Riezler and Maxwell 2005) in sacrebleu."""
LEVEL = 0.05


class _FromStatistics:
    """A metric whose hypotheses are statistics of segments already, as `workflow_scripts.steps.score` keeps them."""

    def _extract_corpus_statistics(self, hypotheses: Any, references: Any) -> Any:
        return hypotheses


class StatisticsBLEU(_FromStatistics, BLEU):
    """BLEU from statistics [hypothesis length, reference length, 4 matches, 4 totals]."""


class StatisticsCHRF(_FromStatistics, CHRF):
    """chrF++ from statistics [hypothesis, reference, matching n-grams] of 6 character and 2 word orders."""


class SegmentMean(_FromStatistics, Metric):
    """A metric whose score is the mean over segments (COMET); the statistics are the segments' scores, [n, 1].

    A constant second column counts the segments.
    """

    def _compute_score_from_stats(self, stats: Any) -> Score:
        return Score("COMET", float(stats[0] / stats[1]))

    def _aggregate_and_compute(self, stats: Any) -> Score:
        return self._compute_score_from_stats(np.sum(np.asarray(stats, dtype=np.float64), axis=0))

    def _preprocess_segment(self, sent: str) -> str:
        raise NotImplementedError("a mean over segments reads no text")

    _extract_reference_info = _compute_segment_statistics = _preprocess_segment  # type: ignore[assignment]


def compare(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    metric: str,
    test: str,
    samples: int,
    seed: int,
) -> dict[str, Any]:
    """Test one system against another on the same segments.

    `ours`, `theirs`: statistics of segments [n, m] (or COMET's scores [n, 1]); `test`: a key of `TESTS`; `samples`:
    resamples or trials. Returns score, against_score, difference, p, the bootstrap's mean and 95 % half-interval `ci`,
    and sacrebleu's signature.
    """
    instance = _metric(metric)
    instance.num_refs = 1
    if isinstance(instance, SegmentMean):
        ours, theirs = (np.column_stack([values, np.ones(len(values))]) for values in (ours, theirs))
    os.environ["SACREBLEU_SEED"] = str(seed)  # the only way to tell sacrebleu
    paired = PairedTest(
        [("theirs", theirs), ("ours", ours)], {metric: instance}, None, test_type=TESTS[test], n_samples=samples
    )
    signatures, results = paired()
    ((name, (base, result)),) = ((name, values) for name, values in results.items() if name != "System")
    found = {
        "score": result.score,
        "against_score": base.score,
        "difference": result.score - base.score,
        # sacrebleu calls even identical texts different: none of its samples is beyond a difference of 0.
        "p": result.p_value if result.score != base.score else 1.0,
        "mean": result.mean,
        "ci": result.ci,
    }
    numbers = {key: None if value is None else float(value) for key, value in found.items()}
    return numbers | {"signature": str(signatures[name])}


def _metric(name: str) -> Metric:
    if name == "COMET":
        return SegmentMean()
    return StatisticsCHRF(word_order=2) if name.startswith("chrF") else StatisticsBLEU(force=True)


def read_tests(folder: Path, system: str, pairs: Sequence[str]) -> Iterable[dict[str, Any]]:
    """Rows of the significance tests of one system, where it was tested."""
    for pair in pairs:
        path = folder / f"{pair}.significance.json"
        for entry in json.loads(path.read_text(encoding="utf-8")) if path.exists() else []:
            row = {"system": system, "pair": pair, "metric": NAMES.get(entry["name"], entry["name"])}
            names = ("text", "against", "test", "samples", "seed", "score", "against_score", "difference", "p")
            yield row | {name: entry[name] for name in names} | {"outcome": outcome(entry)}


def outcome(result: Mapping[str, Any]) -> str:
    """`win`, `loss`, or `tie` where the difference is not significant at p < 0.05."""
    if result["p"] >= LEVEL or not result["difference"]:
        return "tie"
    return "win" if result["difference"] > 0 else "loss"


def outcomes(tests: pd.DataFrame) -> pd.DataFrame:
    """Wins, ties and losses per metric, reading, system and test."""
    keys = ["metric", "text", "system", "test"]
    counts = pd.crosstab([tests[key] for key in keys], tests["outcome"])
    counts = counts.reindex(columns=["win", "tie", "loss"], fill_value=0)
    counts = counts.reindex(pd.MultiIndex.from_frame(tests[keys].drop_duplicates()))
    counts.columns = ["wins", "ties", "losses"]
    return counts.reset_index()
