"""What can be trained on but hardly is what was meant: told in a line each, with figures, and only where it is sure."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from workflow_scripts.corpus.parallel import read_lines
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError

CODE = ("corpus.parallel",)
FEW = 100
"""Training sentences below which there is hardly anything to learn from."""
COPIED = 0.05
"""Share of lines that are the same on both sides above which a pair is doubted."""
SKIPPED = 0.1
"""Share of training lines left out above which it is told aloud."""
SAMPLE = 500
"""Lines at the beginning of a text by which its language is looked at."""
LETTERS = 1000
"""Letters on either side below which nothing is sure."""
OWN_SCRIPT = 0.8
"""Share of letters that says which script a text is in."""
MARGIN = 0.15
"""How much more a text must be like the other language's (cosine of trigrams) than like its own."""
Place = tuple[str, str]
"""A pair and a split."""


@dataclass
class Side:
    """The beginning of one side of a pair: its letters by script, and its trigrams."""

    scripts: Counter[str] = field(default_factory=Counter)
    trigrams: Counter[str] = field(default_factory=Counter)

    def add(self, line: str) -> None:
        """Count a line."""
        self.scripts.update(name for letter in line if (name := script_of(letter)))
        text = f" {line.strip().casefold()} "
        self.trigrams.update(text[start : start + 3] for start in range(len(text) - 2))

    def share(self, script: str) -> float:
        """The share of its letters that are of a script, by Unicode's name for it."""
        return self.scripts[script.upper()] / max(self.scripts.total(), 1)


@dataclass(frozen=True)
class Sides:
    """What was seen of a pair in one split: how many lines, how many the same on both sides, and either side."""

    pair: Direction
    lines: int
    copied: int
    sides: tuple[Side, Side]


@cache
def script_of(letter: str) -> str:
    """The first word of a letter's name in Unicode, LATIN; empty for what is no letter."""
    return unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""


def seen(paths: tuple[Path, Path], pair: Direction) -> Sides:
    """What doubts are founded on, of two texts of as many lines."""
    lines = zip(*map(read_lines, paths), strict=True)
    sides, number, copied = (Side(), Side()), 0, 0
    for number, (first, second) in enumerate(lines, start=1):
        copied += first.strip() == second.strip() != ""
        if number <= SAMPLE:
            sides[0].add(first)
            sides[1].add(second)
    return Sides(pair, number, copied, sides)


def doubts(found: Mapping[Place, Sides], scripts: Mapping[str, str]) -> Iterator[str]:
    """What to say of texts by pair and split; `scripts` are those of the languages, where they are known."""
    known = _trigrams(found.values())
    for (pair, split), text in found.items():
        yield from of_size(pair, split, text.lines)
        if text.lines > 1 and text.copied >= COPIED * text.lines:
            same = _share(text.copied, text.lines)
            yield f"{pair} {split}: {same} lines are the same on both sides; is one of them translated?"
        if swapped := in_each_others_script(text, scripts) or like_each_other(text, known):
            yield f"{pair} {split}: {swapped}; are the sides exchanged?"


def of_size(pair: str, split: str, lines: int) -> Iterator[str]:
    """What to say of so few lines."""
    if split == "train" and lines < FEW:
        yield f"{pair} has {lines} training sentence{'s' * (lines != 1)}, hardly enough to learn from"
    if split == "valid" and lines < 2:
        yield f"{pair} is validated on {lines} sentence"


def of_skipped(pair: str, dropped: Mapping[str, int], lines: int) -> Iterator[str]:
    """What to say where filters leave out more than a few of so many training lines; `dropped` is by filter."""
    if (total := sum(dropped.values())) > SKIPPED * lines:
        reasons = ", ".join(f"{name} {count:,}" for name, count in dropped.items() if count)
        yield f"{pair}: {_share(total, lines)} training lines are left out ({reasons})"


def check_known(pair: str, split: str, unknown: int, pieces: int) -> None:
    """Raise `UserError` where a dictionary knows fewer than half of so many pieces."""
    if 2 * unknown > pieces:
        raise UserError(
            f"pair {pair}, {split}: the dictionary does not know {_share(unknown, pieces)} pieces, so it is of another "
            "SentencePiece model: name the two that belong together (data.sentencepiece)"
        )


def in_each_others_script(text: Sides, scripts: Mapping[str, str]) -> str:
    """What to say where either side is written in the script of the other; else nothing."""
    own = [scripts.get(language, "") for language in text.pair.languages]
    if not all(own) or own[0] == own[1] or min(side.scripts.total() for side in text.sides) < LETTERS:
        return ""
    shares = [side.share(script) for side, script in zip(text.sides, reversed(own), strict=True)]
    if min(shares) < OWN_SCRIPT:
        return ""
    told = zip(text.pair.languages, shares, reversed(own), strict=True)
    return " and ".join(f"{share:.0%} of the letters of {language} are {script}" for language, share, script in told)


def like_each_other(text: Sides, known: Mapping[str, Counter[str]]) -> str:
    """What to say where either side is like the other language in all other texts, and unlike its own; else nothing.

    `known` are the trigrams of every language in all texts, this one included.
    """
    others = [known[language] - side.trigrams for language, side in zip(text.pair.languages, text.sides, strict=True)]
    if min(each.total() for each in (*others, *(side.trigrams for side in text.sides))) < LETTERS:
        return ""
    own, crossed = (
        [likeness(side.trigrams, other) for side, other in zip(text.sides, order, strict=True)]
        for order in (others, others[::-1])
    )
    if any(there < here + MARGIN for here, there in zip(own, crossed, strict=True)):
        return ""
    told = zip(text.pair.languages, text.pair.reverse.languages, crossed, own, strict=True)
    return " and ".join(
        f"its {language} is like {other} in the other texts ({there:.2f}, like {language} {here:.2f})"
        for language, other, there, here in told
    )


def _trigrams(texts: Iterable[Sides]) -> dict[str, Counter[str]]:
    """The trigrams of every language in all texts."""
    known: dict[str, Counter[str]] = {}
    for text in texts:
        for language, side in zip(text.pair.languages, text.sides, strict=True):
            known.setdefault(language, Counter()).update(side.trigrams)
    return known


def likeness(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """The cosine of two counts of trigrams, from 0 to 1."""
    product = sum(count * other.get(trigram, 0) for trigram, count in one.items())
    sizes = (math.sqrt(sum(count * count for count in counts.values())) for counts in (one, other))
    return product / (next(sizes) * next(sizes) or 1)


def _share(count: int, total: int) -> str:
    return f"{count:,} of {total:,} ({count / total:.0%})"
