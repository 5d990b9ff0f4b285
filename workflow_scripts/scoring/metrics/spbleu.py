"""spBLEU (Goyal et al. 2022): BLEU over pieces, the same for texts in any script."""

from __future__ import annotations

from pathlib import Path

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.metric import Counted, Scorer

CODE = ("scoring.metric", "scoring.sacrebleu_scorer", "scoring.sentencepiece_bleu")

DOWNLOADED = ("flores101", "flores200")
"""SentencePiece models that sacrebleu fetches by name, once."""


def check(spbleu: str) -> None:
    """Raise `UserError` where there is no such model, or the file is none."""
    if spbleu in DOWNLOADED:
        return
    if not Path(spbleu).is_file():
        raise UserError(f"score.spbleu: {spbleu} is neither a file nor one of {', '.join(DOWNLOADED)}")
    import sentencepiece

    try:
        sentencepiece.SentencePieceProcessor(model_file=spbleu)
    except (OSError, RuntimeError) as error:
        raise UserError(f"score.spbleu: {spbleu} is not a SentencePiece model ({error}); name another file") from None


def scorer(language: str, spbleu: str) -> Scorer:
    """BLEU over the pieces of the model, the same for every language."""
    from sacrebleu.metrics import BLEU

    from workflow_scripts.scoring.sacrebleu_scorer import BLEUScorer
    from workflow_scripts.scoring.sentencepiece_bleu import SentencePieceBLEU, SentencePieceTokenizer

    check(spbleu)
    if spbleu in DOWNLOADED:
        return BLEUScorer(BLEU, tokenize=spbleu, force=True)
    return BLEUScorer(SentencePieceBLEU, tokenizer=SentencePieceTokenizer(spbleu))


METRIC = Counted(
    summary="BLEU over the pieces of a SentencePiece model",
    name="spBLEU",
    scorer=scorer,
    options={
        "spbleu": {
            "type": ["string", "null"],
            "default": None,
            "description": "SentencePiece model file, or `flores101` or `flores200` (downloaded by sacrebleu); "
            "the metric is on where it is set.",
        }
    },
    required="spbleu",
    check=check,
)
