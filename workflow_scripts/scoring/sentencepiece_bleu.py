"""BLEU over the pieces of a given SentencePiece model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers.tokenizer_base import BaseTokenizer

from workflow_scripts.files import sha256


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

    def __init__(self, tokenizer: SentencePieceTokenizer, references: Sequence[Sequence[str]] | None = None) -> None:
        super().__init__(tokenize="none", force=True)
        self.tokenizer = tokenizer
        self.tokenizer_signature = tokenizer.signature()
        if references is not None:
            self._ref_cache = self._cache_references(references)
