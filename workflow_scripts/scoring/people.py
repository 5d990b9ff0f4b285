"""What a difference of scores means to people (Kocmi et al. 2024, "Navigating the Metrics Maze"), by mt-thresholds."""

from __future__ import annotations

import math

from workflow_scripts.scoring.metric import Metric

CHANCE = 0.5
"""What two systems that do not differ come to: the fitted curves start a little below it."""


def agreeing(metric: Metric, signature: str, difference: float) -> float:
    """The share of pairs of systems, so far apart by the metric, of which people prefer the one with the better score.

    Fitted to WMT's human ratings of systems' means over one direction; between 0.5 and 1. NaN where that is not known
    of the metric, or as its `signature` says it was computed.
    """
    parts = signature.split("|")
    name = next((name for part, name in metric.thresholds.items() if part in parts), "")
    if not name or math.isnan(difference):
        return math.nan
    from mt_thresholds import accuracy

    return max(CHANCE, accuracy(abs(difference) * metric.points, name) / 100)
