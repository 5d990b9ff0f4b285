"""The synthetic corpus: English and invented languages, every pair with sentences of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflow_scripts.corpus.source import Sentences, Source
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.languages import Language
from workflow_scripts.synthetic.invented import make_languages
from workflow_scripts.synthetic.sentences import sentence_pairs

CODE = (
    "corpus.source",
    "synthetic.conflict",
    "synthetic.english",
    "synthetic.invented",
    "synthetic.meaning",
    "synthetic.sentences",
    "synthetic.vocabulary",
)
PIVOT = "en"


def lines(most: int, default: int, what: str) -> dict[str, Any]:
    """The schema of a number of lines."""
    return {
        "type": "integer",
        "minimum": 1,
        "maximum": most,
        "default": default,
        "description": f"{what} lines of a pair.",
    }


SIZES = {
    "type": "object",
    "additionalProperties": False,
    "default": {},
    "description": "Sizes of the synthetic corpus. Every pair has its own sentences.",
    "properties": {
        "train": {
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 200_000},
            "default": {"high": 3000, "medium": 1000, "low": 300},
            "description": "Training lines of a pair by the tier of its language.",
        },
        "valid": lines(20_000, 120, "Validation"),
        "test": lines(20_000, 120, "Test"),
        "conflict": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
            "description": "The share of nouns, verbs, adjectives and numerals that all families have in common and "
            "mean different things by, so that a method which separates them has something to win. Takes families that "
            "are written in one script (`config/languages/conflict.tsv`).",
        },
    },
}


def concern(settings: Mapping[str, Any], splits: Sequence[str]) -> dict[str, Any]:
    """The sizes of these splits, and the conflict that all have."""
    sizes = {split: settings["synthetic"][split] for split in splits}
    # Left out where there is none: what was made before there was the setting is the same text.
    conflict = {"conflict": share} if (share := settings["synthetic"]["conflict"]) else {}
    return {"synthetic": sizes | conflict}


def make(languages: Mapping[str, Language], settings: Mapping[str, Any], seed: int) -> Sentences:
    """The grammar of these languages; the same arguments give the same sentences."""
    others = [language for code, language in languages.items() if code != PIVOT]
    invented = make_languages(others, seed, settings["synthetic"].get("conflict", 0))

    def sentences(pair: Direction, splits: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        if pair.source != PIVOT or pair.target not in invented:
            raise UserError(f"pair {pair}: the synthetic corpus has pairs of en with {', '.join(invented)}")
        sizes = sizes_of(settings["synthetic"], splits, languages[pair.target])
        return sentence_pairs(invented[pair.target], sizes, f"{seed}/{pair}")

    return sentences


def sizes_of(sizes: Mapping[str, Any], splits: Sequence[str], language: Language) -> dict[str, int]:
    """The lines of each split of a language. Raises `UserError` where training text has no size for its tier."""
    if "train" in splits and language.tier not in sizes["train"]:
        raise UserError(f"language {language.code}: data.synthetic.train gives no size for its tier {language.tier!r}")
    return {split: sizes["train"][language.tier] if split == "train" else sizes[split] for split in splits}


SOURCE = Source(
    summary="made by a small grammar",
    open=make,
    options={"synthetic": SIZES},
    concern=concern,
)
