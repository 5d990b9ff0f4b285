"""The lines of one side of a test set: as they came, as the model reads them, and as scores compare with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.corpus.normalize import Normalizer
from workflow_scripts.corpus.parallel import read_lines


@dataclass(frozen=True)
class Side:
    """Lines of one language, all lists of the same length and order."""

    raw: list[str]
    read: list[str]
    scored: list[str]


def prepare(path: Path, language: str, punctuation: bool, tokenization: str) -> Side:
    """Read a file and prepare its lines; none is dropped.

    The model reads them normalized as its training text was, and tokenized where that was (`tokenization` `moses`).
    Scores compare with raw lines, or, since scoring then detokenizes both sides, with the tokenized ones.
    """
    normalize = Normalizer(language, punctuation)
    raw = list(read_lines(path))
    read = [normalize(line) for line in raw]
    if tokenization == "none":
        return Side(raw, read, raw)
    tokenize = moses(language)
    tokenized = [tokenize(line) for line in read]
    return Side(raw, tokenized, tokenized)


def moses(language: str) -> Callable[[str], str]:
    """Tokenizes lines of a language as the published pipeline does: hyphens in words split (`@-@`), nothing escaped."""
    from sacremoses import MosesTokenizer

    tokenizer = MosesTokenizer(lang=language)
    return lambda line: tokenizer.tokenize(line, aggressive_dash_splits=True, escape=False, return_str=True)
