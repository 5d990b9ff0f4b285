"""Is a difference between two systems real? sacrebleu's paired tests on statistics of segments."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.base import Metric, Score
from sacrebleu.significance import PairedTest

from workflow_scripts.errors import UserError

TESTS = {"bootstrap": "bs", "randomization": "ar"}
"""Paired bootstrap resampling (Koehn 2004) and approximate randomization (Riezler and Maxwell 2005) in sacrebleu."""


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


METRICS: dict[str, Callable[[], Metric]] = {
    "BLEU": lambda: StatisticsBLEU(force=True),
    "spBLEU": lambda: StatisticsBLEU(force=True),
    "chrF2++": lambda: StatisticsCHRF(word_order=2),
    "COMET": SegmentMean,
}
"""How the score of a test set comes from its segments, by the name that score files have."""


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
    if name not in METRICS:
        raise UserError(f"there is no test of significance for metric {name}; there is one for {', '.join(METRICS)}")
    return METRICS[name]()
