"""How many lines of a test set stand in the training text: reported, where nothing is held out of training for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from workflow_scripts.corpus.filters import comparable, fingerprint
from workflow_scripts.corpus.parallel import read_lines
from workflow_scripts.progress import Progress

Lines = Mapping[str, list[str]]
"""Normalized lines of a pair by language; line i translates line i."""


def keys(lines: Iterable[str]) -> Iterator[int | None]:
    """What each line is compared by, as for held-out text; None for one without letters and digits."""
    return (fingerprint(key) if (key := comparable(line)) else None for line in lines)


def count(pairs: Mapping[str, Lines], training: Mapping[str, list[Path]]) -> dict[str, dict[str, int]]:
    """For each pair the lines that training text of their language has too: per language, and on either side.

    `training[language]` are the cleaned training files of a language, over all pairs.
    """
    sides = {pair: {language: list(keys(lines)) for language, lines in both.items()} for pair, both in pairs.items()}
    found: dict[str, set[int]] = {}
    languages = sorted({language for both in sides.values() for language in both})
    progress = Progress("contamination", len(languages), "languages")
    for done, language in enumerate(languages, start=1):
        wanted = {key for both in sides.values() for key in both.get(language, ()) if key is not None}
        found[language] = {
            key for path in training.get(language, ()) for key in keys(read_lines(path)) if key in wanted
        }
        progress.update(done, language)
    return {pair: _counted(both, found) for pair, both in sides.items()}


def _counted(sides: Mapping[str, list[int | None]], found: Mapping[str, set[int]]) -> dict[str, int]:
    seen = {language: [key in found[language] for key in side] for language, side in sides.items()}
    either = [any(line) for line in zip(*seen.values(), strict=True)]
    return {**{language: sum(lines) for language, lines in seen.items()}, "either": sum(either)}
