"""chrF++ (Popović 2017): sacrebleu's, with n-grams that two texts share found as sets."""

from __future__ import annotations

from workflow_scripts.scoring.metric import Counted, Scorer

CODE = ("scoring.metric", "scoring.sacrebleu_scorer", "scoring.shared_ngrams")


def scorer(language: str) -> Scorer:
    """chrF++, the same for every language."""
    from workflow_scripts.scoring.sacrebleu_scorer import CHRFScorer
    from workflow_scripts.scoring.shared_ngrams import CHRFPlusPlus

    return CHRFScorer(CHRFPlusPlus)


METRIC = Counted(summary="n-grams of characters and words in common", name="chrF++", stored="chrF2++", scorer=scorer)
