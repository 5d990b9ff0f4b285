"""TER (Snover et al. 2006): the edits that a translation needs, by sacrebleu."""

from __future__ import annotations

from workflow_scripts.scoring.metric import Counted, Scorer

CODE = ("scoring.metric", "scoring.sacrebleu_scorer")


def scorer(language: str) -> Scorer:
    """TER, the same for every language."""
    from sacrebleu.metrics import TER

    from workflow_scripts.scoring.sacrebleu_scorer import SacrebleuScorer

    return SacrebleuScorer(TER)


METRIC = Counted(
    summary="edits that make the hypothesis the reference (takes far longer to compute than the others)",
    name="TER",
    unit="edits per 100 words",
    higher_is_better=False,
    scorer=scorer,
)
