"""Is a difference between two systems real? Tests on statistics of segments that were kept when they were scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.scoring.metric import Metric, Summed
from workflow_scripts.scoring.resampling import Paired, bootstrap, randomization

TESTS = {"bootstrap": "bs", "randomization": "ar"}
"""Paired bootstrap resampling, which gives intervals, and approximate randomization, which gives p: as sacrebleu's
signatures call them."""
TAILS = (2.5, 97.5)
"""Percentiles that bound a 95 % interval."""


def paired(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    metric: Metric,
    summed: Summed,
    lines: NDArray[np.int64] | None = None,
) -> Paired:
    """Two systems' segments, [n, m], as files of segments hold them; each is a line of its own without `lines`."""
    lines = np.arange(len(ours)) if lines is None else lines
    return Paired(metric.summands(ours), metric.summands(theirs), summed.scores, lines)


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
    difference, and the signature in sacrebleu's form; randomization's p; the bootstrap's mean and 95 % half-interval
    `ci` of our score, and `low` and `high`, the 95 % interval of the difference. What a test does not give is None.
    """
    pair = paired(ours, theirs, metric, summed)
    scores = [float(summed.score(side.sum(axis=0))) for side in (pair.ours, pair.theirs)]
    first, *others = summed.signature.split("|")
    signature = "|".join([first, f"{TESTS[test]}:{samples}", f"seed:{seed}", *others])
    found = {"score": scores[0], "against_score": scores[1], "difference": scores[0] - scores[1]}
    (given,) = tested([pair], np.eye(1), test, samples, seed)
    return found | given | {"signature": signature}


def tested(
    pairs: Sequence[Paired], weights: NDArray[np.float64], test: str, samples: int, seed: int
) -> list[dict[str, float | None]]:
    """What a test says of each row of `weights` [groups, directions] (see `resampling.randomization`).

    A dictionary per row: `p`; `mean`, `ci`, `low` and `high` (see `compare`).
    """
    if test == "randomization":
        _, p = randomization(pairs, weights, samples, seed)
        return [{"p": float(each), "mean": None, "ci": None, "low": None, "high": None} for each in p]
    ours, differences = bootstrap(pairs, weights, samples, seed)
    lows, highs = np.percentile(ours, TAILS, axis=1)
    bounds = np.percentile(differences, TAILS, axis=1)
    columns = zip(ours.mean(axis=1), (highs - lows) / 2, *bounds, strict=True)
    return [{"p": None} | dict(zip(("mean", "ci", "low", "high"), map(float, row), strict=True)) for row in columns]
