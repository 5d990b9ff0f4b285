"""Scores of texts in every variant, from statistics of segments that are computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.scoring.metric import Scorer, Statistics
from workflow_scripts.scoring.variants import as_variant, variants


def score_variants(
    scorers: Mapping[str, Scorer],
    hypotheses: Sequence[str],
    references: Sequence[str],
    tokenization: str,
    language: str,
) -> Iterator[tuple[dict[str, Any], Statistics]]:
    """Score every variant of a text by every metric: an entry of a score file with the variant as `text`, and the
    statistics, int64 [n, m].

    `scorers` are by the name that score files have. Segments that a later variant leaves as they were are not counted
    again.
    """
    before: tuple[list[str], list[str]] | None = None
    kept: dict[str, Statistics] = {}
    for variant in variants(tokenization):
        texts = as_variant(variant, hypotheses, language), as_variant(variant, references, language)
        changed = np.ones(len(references), dtype=bool)
        if before is not None:
            changed = np.any([np.array(now) != np.array(then) for now, then in zip(texts, before, strict=True)], axis=0)
        for name, scorer in scorers.items():
            if changed.any():
                new = scorer.statistics(*(list(compress(text, changed)) for text in texts))
                kept[name] = _replaced(kept.get(name), new, changed)
            entry = scorer.entry(kept[name].sum(axis=0).tolist())
            yield {"name": name} | entry | {"name": name, "text": variant}, kept[name]
        before = texts


def _replaced(old: Statistics | None, new: Statistics, rows: NDArray[np.bool_]) -> Statistics:
    if old is None:
        return new
    old = old.copy()
    old[rows] = new
    return old
