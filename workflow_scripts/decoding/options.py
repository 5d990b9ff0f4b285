"""How the CTranslate2 engine searches, and on what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`max_length` counts the language tag but not the end of sentence, like fairseq's `--max-len-b`.

    `batch_tokens` bounds padded source tokens per batch, `threads` the cores of one translation, `device` is `cpu`,
    `cuda` or `cuda:1`.
    """

    beam: int = 5
    length_penalty: float = 1.0
    max_length: int = 200
    compute_type: str = "float32"
    device: str = "cpu"
    threads: int = 1
    batch_tokens: int = 2048
