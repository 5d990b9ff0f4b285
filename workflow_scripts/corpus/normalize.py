"""Normalization of one line of text: Unicode, invisible characters, punctuation, white space."""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from typing import Any

# Soft hyphen, zero-width space, word joiner and invisible operators, byte order mark, marks of writing direction.
# The joiners U+200C and U+200D stay: Indic and Persian spelling needs them.
INVISIBLE = "\u00ad\u200b\u2060-\u2064\ufeff\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069"
# Control characters but for those that are white space.
CONTROL = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
REMOVED = re.compile(f"[{INVISIBLE}{CONTROL}]")
# Moses changes nothing in a line without these; most lines are spared its fifty substitutions.
PUNCTUATION = re.compile("[()`'\"´„“”–—‘‚’…«»%:;\u00a0]|  ")
OTHER_SPACE = re.compile("[^\\S\u00a0]+")
PASSES = 10


def visible(line: str) -> str:
    """The line in NFC without invisible and control characters, white space collapsed to single spaces."""
    # Twice NFC: taking away a character can bring a letter and its accent together.
    line = REMOVED.sub("", unicodedata.normalize("NFC", line))
    return " ".join(unicodedata.normalize("NFC", line).split())


def has_text(line: str) -> bool:
    """Whether anything but white space, joiners, invisible and control characters is there."""
    return bool(visible(line).strip("\u200c\u200d "))


class Normalizer:
    """Normalize the lines of one language; applying it twice changes nothing more."""

    def __init__(self, language: str, punctuation: bool = True) -> None:
        self.language, self.punctuation = language, punctuation

    @cached_property
    def moses(self) -> Any:
        """The punctuation normalizer of the language, loaded when the first line needs it."""
        from sacremoses import MosesPunctNormalizer

        return MosesPunctNormalizer(lang=self.language)

    def __call__(self, line: str) -> str:
        # At first no-break spaces stay: they tell Moses where French quotation marks belong.
        line = OTHER_SPACE.sub(" ", REMOVED.sub("", unicodedata.normalize("NFC", line)))
        for _ in range(PASSES if self.punctuation else 0):
            if not PUNCTUATION.search(line):
                break
            before, line = line, visible(self.moses.normalize(line))
            if line == before:
                break
        return visible(line)
