"""Is a difference between two systems real? sacrebleu's paired tests on statistics of segments."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import base as sacrebleu
from sacrebleu.significance import PairedTest

from workflow_scripts.scoring.metric import Metric, Summed

TESTS = {"bootstrap": "bs", "randomization": "ar"}
"""Paired bootstrap resampling (Koehn 2004) and approximate randomization (Riezler and Maxwell 2005) in sacrebleu."""


class _FromSums(sacrebleu.Metric):
    """A metric whose hypotheses are what is added up over segments already."""

    def __init__(self, metric: Metric, summed: Summed) -> None:
        super().__init__()
        self.name, self.summed = metric.name, summed
        self.num_refs = 1

    def _extract_corpus_statistics(self, hypotheses: Any, references: Any) -> Any:
        return hypotheses

    def _compute_score_from_stats(self, stats: Any) -> sacrebleu.Score:
        return sacrebleu.Score(self.name, self.summed.score(stats))

    def _aggregate_and_compute(self, stats: Any) -> sacrebleu.Score:
        return self._compute_score_from_stats(np.sum(np.asarray(stats, dtype=np.float64), axis=0))

    def get_signature(self) -> sacrebleu.Signature:
        signature = sacrebleu.Signature({"num_refs": 1})
        for part in self.summed.signature.split("|"):
            key, _, value = part.partition(":")
            signature.update(key, value)
        return signature

    # sacrebleu has a metric define them; none is called where statistics are given.
    def _preprocess_segment(self, sent: str) -> str:
        raise NotImplementedError("no text is read")

    _extract_reference_info = _compute_segment_statistics = _preprocess_segment  # type: ignore[assignment]


def compare(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    metric: Metric,
    summed: Summed,
    test: str,
    samples: int,
    seed: int,
) -> dict[str, Any]:
    """Test one system against another on the same segments.

    `ours`, `theirs`: what the file of segments holds for the metric, statistics [n, m] or scores [n, 1]; `summed`: how
    their sums become scores; `test`: a key of `TESTS`; `samples`: resamples or trials. Returns score, against_score,
    difference, p, the bootstrap's mean and 95 % half-interval `ci`, and sacrebleu's signature.
    """
    named = [("theirs", metric.summands(theirs)), ("ours", metric.summands(ours))]
    os.environ["SACREBLEU_SEED"] = str(seed)  # the only way to tell sacrebleu
    instance = {metric.name: _FromSums(metric, summed)}
    paired = PairedTest(named, instance, None, test_type=TESTS[test], n_samples=samples)
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
