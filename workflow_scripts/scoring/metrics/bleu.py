"""BLEU (Papineni et al. 2002), by sacrebleu."""

from __future__ import annotations

from collections.abc import Mapping

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.metric import Counted, Scorer

CODE = ("scoring.metric", "scoring.sacrebleu_scorer")


def scorer(language: str, bleu_tokenize: Mapping[str, str]) -> Scorer:
    """BLEU with the tokenizer of that language. Raises `UserError` where any of them is none of sacrebleu's."""
    from sacrebleu.metrics import BLEU

    from workflow_scripts.scoring.sacrebleu_scorer import BLEUScorer

    tokenizers = {"default": "13a", **bleu_tokenize}
    for key, name in tokenizers.items():
        if name not in BLEU.TOKENIZERS:
            known = ", ".join(sorted(BLEU.TOKENIZERS))
            raise UserError(f"score.bleu_tokenize.{key}: {name} is none of sacrebleu's tokenizers ({known})")
    return BLEUScorer(BLEU, tokenize=tokenizers.get(language, tokenizers["default"]), force=True)


METRIC = Counted(
    summary="n-grams of words in common",
    name="BLEU",
    scorer=scorer,
    options={
        "bleu_tokenize": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "default": {"default": "13a"},
            "description": "sacrebleu's tokenizer by target language (`zh`, `ja-mecab` …); `default` for the others.",
        }
    },
)
