"""sacrebleu's metrics as scorers: its statistics of segments, its scores, its own JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric

from workflow_scripts.scoring.metric import Scorer, Statistics, Sums


class SacrebleuScorer(Scorer):
    """One of sacrebleu's metrics, made by `make(**options)`.

    It keeps what it found in the references it met last: directions into one language often share them.
    """

    def __init__(self, make: Callable[..., Metric], **options: Any) -> None:
        self.make, self.options = make, options
        self.references: list[str] | None = None
        self.metric = make(**options)
        self.metric.num_refs = 1
        self.signature = str(self.metric.get_signature())

    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Statistics:
        references = list(references)
        if references != self.references:
            self.metric = self.make(**self.options, references=[references])
            self.references = references
        return np.array(self.metric._extract_corpus_statistics(list(hypotheses), None), dtype=np.int64)

    def score(self, sums: Sums) -> float:
        return self.metric._compute_score_from_stats(sums).score

    def entry(self, sums: Sums) -> dict[str, Any]:
        # Enough digits to round the score like sacrebleu at any width.
        score = self.metric._compute_score_from_stats(sums)
        return json.loads(score.format(width=12, signature=self.signature, is_json=True))


class BLEUScorer(SacrebleuScorer):
    """A BLEU, with `length_ratio` (hypotheses' tokens ÷ references') and the `brevity_penalty` that it brings."""

    def entry(self, sums: Sums) -> dict[str, Any]:
        score = self.metric._compute_score_from_stats(sums)
        return super().entry(sums) | {"length_ratio": score.ratio, "brevity_penalty": score.bp}

    def scores(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        # Papineni et al. 2002, with sacrebleu's default smoothing (each n-gram order without a match halves again).
        ours, reference = sums[:, 0], sums[:, 1]
        orders = (sums.shape[1] - 2) // 2
        correct, total = sums[:, 2 : 2 + orders], sums[:, 2 + orders :]
        with np.errstate(divide="ignore", invalid="ignore"):
            halvings = np.cumsum(correct == 0, axis=1)
            logs = np.log(np.where(correct > 0, 100 * correct, 100 / 2.0**halvings) / total)
            brevity = np.where(ours < reference, np.exp(1 - reference / ours), 1.0)
            scores = brevity * np.exp(logs.sum(axis=1) / orders)
        return np.where(correct.any(axis=1) & total.all(axis=1), scores, 0.0)


class CHRFScorer(SacrebleuScorer):
    """A chrF (Popović 2015), many scores at once."""

    def scores(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        ours, reference, match = np.moveaxis(sums.reshape(len(sums), -1, 3), 2, 0)
        counted = (ours > 0) & (reference > 0)
        orders = np.maximum(counted.sum(axis=1), 1)
        precision, recall = (
            np.divide(match, side, out=np.zeros(match.shape), where=counted).sum(axis=1) / orders
            for side in (ours, reference)
        )
        factor = self.metric.beta**2
        found = precision + recall > 0
        products = 100 * (1 + factor) * precision * recall
        return np.divide(products, factor * precision + recall, out=np.zeros(len(sums)), where=found)
