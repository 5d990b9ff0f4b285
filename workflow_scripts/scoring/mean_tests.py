"""Tests of the means over directions: which lines directions share, and which means there are."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.direction import PAPER, Direction
from workflow_scripts.languages import Language, tier

ALL = "All"
Sides = tuple[Sequence[str], Sequence[str]]


def shared_lines(texts: Mapping[Direction, Sides], pivot: str) -> dict[Direction, NDArray[np.int64]]:
    """Which line of the test set each segment is: numbers from 0, [n] by direction.

    `texts` are source and reference of each direction on one test set. A line is known by what the pivot language says
    in it, whatever its spaces and case: two directions of a pair hold the same lines, and so do the pairs of a
    multi-parallel test set, wherever they agree; a sentence that stands twice is one line. Directions without the
    pivot find their lines by their own two languages, if these stand in the others; else they have lines of their own,
    which both directions of a pair share.
    """
    numbers: dict[Any, int] = {}
    english: dict[Direction, list[str]] = {}
    known: dict[tuple[str, str], Any] = {}
    keys: dict[Direction, list[Any]] = {}
    with_pivot = [pair for pair in texts if pair.other(pivot)]
    for pair in with_pivot:
        source, reference = ([_plain(line) for line in side] for side in texts[pair])
        said, other = (source, reference) if pair.source == pivot else (reference, source)
        # One direction may have its text detokenized otherwise than the other.
        first = english.setdefault(pair.corpus(pivot), said)
        keys[pair] = list(first if len(first) == len(said) else said)
        for key, line in zip(keys[pair], other, strict=True):
            known.setdefault((str(pair.other(pivot)), line), key)
    for pair in [pair for pair in texts if pair not in keys]:
        sides = [
            [(code, _plain(line)) for line in side] for code, side in zip(pair.languages, texts[pair], strict=True)
        ]
        keys[pair] = [
            known.get(source, known.get(reference, (*sorted(pair.languages), place)))
            for place, (source, reference) in enumerate(zip(*sides, strict=True))
        ]
    return {pair: np.array([numbers.setdefault(key, len(numbers)) for key in keys[pair]]) for pair in texts}


def _plain(line: str) -> str:
    return "".join(unicodedata.normalize("NFKC", line).casefold().split())


def groups(
    pairs: Sequence[Direction], languages: Mapping[str, Language], pivot: str
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """The means of the summary: the weight of every direction, [directions], by tier and type.

    Types are O2M, M2O, X2Y and Avg, the mean of the first two; tiers are those of the languages, and `All`.
    """
    tiers = [tier(pair, pivot, languages) for pair in pairs]
    types = [pair.type(pivot) for pair in pairs]
    found = {}
    for name in [*dict.fromkeys(filter(None, tiers)), ALL]:
        for kind in PAPER.values():
            chosen = np.array([(name in (own, ALL)) and each == kind for own, each in zip(tiers, types, strict=True)])
            if chosen.any():
                found[name, kind] = chosen / chosen.sum()
        if (name, "O2M") in found and (name, "M2O") in found:
            found[name, "Avg"] = (found[name, "O2M"] + found[name, "M2O"]) / 2
    return found
