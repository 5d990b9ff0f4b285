"""BLEU, chrF++ and spBLEU by sacrebleu, from statistics of segments that are computed once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEUScore
from sacrebleu.tokenizers.tokenizer_base import BaseTokenizer

from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256
from workflow_scripts.scoring.variants import as_variant, variants

Statistics = NDArray[np.int64]
"""One row of sufficient statistics per segment, as sacrebleu defines them for the metric: int64 [n, m]."""
References = Sequence[Sequence[str]] | None


class SentencePieceTokenizer(BaseTokenizer):
    """Tokenizes with a given SentencePiece model."""

    def __init__(self, model: str | Path) -> None:
        import sentencepiece

        self.name = f"spm-{sha256(model)[:8]}"
        self.processor = sentencepiece.SentencePieceProcessor(model_file=str(model))

    def signature(self) -> str:
        """`spm-` and the beginning of the model's SHA-256."""
        return self.name

    def __call__(self, line: str) -> str:
        return " ".join(self.processor.encode(line, out_type=str))


class SentencePieceBLEU(BLEU):
    """BLEU over the pieces of a SentencePiece model (Goyal et al. 2022)."""

    def __init__(self, tokenizer: SentencePieceTokenizer, references: References = None) -> None:
        super().__init__(tokenize="none", force=True)
        self.tokenizer = tokenizer
        self.tokenizer_signature = tokenizer.signature()
        if references is not None:
            self._ref_cache = self._cache_references(references)


class CHRFPlusPlus(CHRF):
    """chrF++ (Popović 2017): sacrebleu's, with n-grams that two texts share found as sets."""

    def __init__(self, references: References = None) -> None:
        super().__init__(word_order=2, references=references)

    @staticmethod
    def _get_match_statistics(hyp_ngrams: Counter, ref_ngrams: Counter) -> list[int]:
        matches = sum([min(hyp_ngrams[ngram], ref_ngrams[ngram]) for ngram in hyp_ngrams.keys() & ref_ngrams.keys()])
        return [hyp_ngrams.total() if ref_ngrams else 0, ref_ngrams.total(), matches]


class CorpusMetric:
    """One metric, with the n-grams of the references it met last (directions into one language often share them)."""

    def __init__(self, name: str, make: Any, **options: Any) -> None:
        self.name, self.make, self.options = name, make, options
        self.references: list[str] | None = None
        self.metric: Metric = make(**options)
        self.metric.num_refs = 1

    @property
    def settings(self) -> list[str]:
        """What the scores depend on besides the texts."""
        return [self.name, str(self.metric.get_signature())]

    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Statistics:
        """Statistics of every segment, int64 [n, m]."""
        references = list(references)
        if references != self.references:
            self.metric = self.make(**self.options, references=[references])
            self.references = references
        return np.array(self.metric._extract_corpus_statistics(list(hypotheses), None), dtype=np.int64)

    def score(self, statistics: Statistics) -> dict[str, Any]:
        """sacrebleu's own JSON of the corpus score that the segments' statistics make.

        A BLEU has `length_ratio` beside it: how long the hypotheses are, measured by the references.
        """
        score = self.metric._aggregate_and_compute(statistics.tolist())
        signature = str(self.metric.get_signature())
        # Enough digits to round the score like sacrebleu at any width.
        scored = json.loads(score.format(width=12, signature=signature, is_json=True)) | {"name": self.name}
        return scored | ({"length_ratio": score.ratio} if isinstance(score, BLEUScore) else {})


class MetricSet:
    """The metrics of a run, made once per tokenizer.

    `tokenizers` names BLEU's tokenizer per language, `default` for the others. `spbleu` is a SentencePiece model file,
    or a name sacrebleu knows (flores101, flores200; it downloads them once). Raises `UserError` for unknown names.
    """

    def __init__(self, tokenizers: Mapping[str, str], spbleu: str | None = None) -> None:
        self.tokenizers = {"default": "13a", **tokenizers}
        for language, name in self.tokenizers.items():
            if name not in BLEU.TOKENIZERS:
                known = ", ".join(sorted(BLEU.TOKENIZERS))
                raise UserError(f"score.bleu_tokenize.{language}: {name} is none of sacrebleu's tokenizers ({known})")
        self.bleu: dict[str, CorpusMetric] = {}
        self.others = [CorpusMetric("chrF2++", CHRFPlusPlus)]
        if spbleu in BLEU.TOKENIZERS:
            self.others.append(CorpusMetric("spBLEU", BLEU, tokenize=spbleu, force=True))
        elif spbleu:
            if not Path(spbleu).is_file():
                raise UserError(f"score.spbleu: {spbleu} is no SentencePiece model file, nor flores101 or flores200")
            self.others.append(CorpusMetric("spBLEU", SentencePieceBLEU, tokenizer=SentencePieceTokenizer(spbleu)))

    def of(self, language: str) -> list[CorpusMetric]:
        """The metrics for text in `language`."""
        name = self.tokenizers.get(language, self.tokenizers["default"])
        if name not in self.bleu:
            self.bleu[name] = CorpusMetric("BLEU", BLEU, tokenize=name, force=True)
        return [self.bleu[name], *self.others]


def score_variants(
    metrics: Sequence[CorpusMetric],
    hypotheses: Sequence[str],
    references: Sequence[str],
    tokenization: str,
    language: str,
) -> Iterator[tuple[dict[str, Any], Statistics]]:
    """Score every variant of a text by every metric: sacrebleu's JSON with the variant as `text`, and the statistics.

    Segments that a later variant leaves as they were are not counted again.
    """
    before: tuple[list[str], list[str]] | None = None
    kept: dict[str, Statistics] = {}
    for variant in variants(tokenization):
        texts = as_variant(variant, hypotheses, language), as_variant(variant, references, language)
        changed = np.ones(len(references), dtype=bool)
        if before is not None:
            changed = np.any([np.array(now) != np.array(then) for now, then in zip(texts, before, strict=True)], axis=0)
        for metric in metrics:
            if changed.any():
                new = metric.statistics(*(list(compress(text, changed)) for text in texts))
                kept[metric.name] = _replaced(kept.get(metric.name), new, changed)
            yield metric.score(kept[metric.name]) | {"text": variant}, kept[metric.name]
        before = texts


def _replaced(old: Statistics | None, new: Statistics, rows: NDArray[np.bool_]) -> Statistics:
    if old is None:
        return new
    old = old.copy()
    old[rows] = new
    return old
