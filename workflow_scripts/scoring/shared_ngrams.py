"""chrF++ with n-grams that two texts share found as sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sacrebleu.metrics import CHRF


class CHRFPlusPlus(CHRF):
    """sacrebleu's chrF++, and its numbers, in less time."""

    def __init__(self, references: Sequence[Sequence[str]] | None = None) -> None:
        super().__init__(word_order=2, references=references)

    @staticmethod
    def _get_match_statistics(hyp_ngrams: Counter, ref_ngrams: Counter) -> list[int]:
        matches = sum([min(hyp_ngrams[ngram], ref_ngrams[ngram]) for ngram in hyp_ngrams.keys() & ref_ngrams.keys()])
        return [hyp_ngrams.total() if ref_ngrams else 0, ref_ngrams.total(), matches]
