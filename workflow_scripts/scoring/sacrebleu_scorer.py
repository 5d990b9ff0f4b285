"""sacrebleu's metrics as scorers: its statistics of segments, its scores, its own JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
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
