"""The variants of a text that are scored: as it is, as the paper detokenized it, and repaired.

Text that Moses tokenized is detokenized before it is scored. The paper's way (`published`) leaves damage that the
tokenizer and the normalization of punctuation did; `repaired` undoes what can be undone without guessing words:

- Combining marks of Indic scripts that were split off (virama, nukta, vowel signs, joiners) are joined again. Moses put
  spaces on both sides of virama and nukta, so a word that ended in one runs into the next word: in all texts alike.
- Apostrophes inside words of Afrikaans ('n, foto's), Maltese (b'mod, ta') and Ukrainian (п'ять), also where they had
  become double quotes.

Unknown tokens in references cannot be repaired: such lines are reported, and scored as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.metadata import version

from sacremoses import MosesDetokenizer

UNKNOWN = "<<unk>>"
"""How fairseq prints an unknown token of a reference."""

_INDIC = [chr(code) for code in range(0x0900, 0x0D80)]
_MARKS = "".join(char for char in _INDIC if unicodedata.category(char) in ("Mn", "Mc"))
_LETTERS = "".join(char for char in _INDIC if unicodedata.category(char) == "Lo")
# Combining classes 7 (nukta) and 9 (virama), and the zero-width (non-)joiner that follows a virama.
_JOINERS = "".join(char for char in _MARKS if unicodedata.combining(char) in (7, 9)) + "\u200c\u200d"
_MARK_RULES = [
    (re.compile(rf"(?<=[{_LETTERS}{_MARKS}{_JOINERS}]) +(?=[{_MARKS}{_JOINERS}])"), ""),
    (re.compile(rf"(?<=[{_JOINERS}]) +(?=[{_LETTERS}{_MARKS}])"), ""),
]
_WORD_RULES = {
    "af": [
        (re.compile(r"(?<!\S)[\"'] n(?!\S)"), "'n"),
        (re.compile(r"(?<=[aeiouáéíóúê]) ' (s|tjies?)(?!\S)"), r"'\1"),
    ],
    "mt": [
        (re.compile(r"(?<!\S)([bfmtxsd]|bħ) [\"'] (?=\w)", re.IGNORECASE), r"\1'"),
        (re.compile(r"(?<!\S)(ta|ma|sa|ġa|jista|tista|nista) [\"'](?!\S)", re.IGNORECASE), r"\1'"),
    ],
    "uk": [(re.compile(r"(?<=[бвгґджзклмнпрстфхцчшщ]) ' (?=[яюєї])", re.IGNORECASE), "'")],
}


def variants(tokenization: str) -> tuple[str, ...]:
    """Names of the variants of text with that tokenization: `raw` alone for `none`, else `published`, `repaired`."""
    return ("raw",) if tokenization == "none" else ("published", "repaired")


def as_variant(variant: str, lines: Iterable[str], language: str) -> list[str]:
    """`lines` of a text in `language` as they are scored in that variant."""
    if variant == "raw":
        return list(lines)
    return [_detokenized(line, language, variant == "repaired") for line in lines]


def detokenizer(tokenization: str) -> str | None:
    """The program, with its version, that variants of such text depend on; None for text as it is."""
    return None if tokenization == "none" else f"sacremoses {version('sacremoses')}"


def repair(line: str, language: str) -> str:
    """A Moses-tokenized, unescaped line with marks and apostrophes where they belong."""
    for pattern, replacement in [*_MARK_RULES, *_WORD_RULES.get(language, [])]:
        line = pattern.sub(replacement, line)
    return line


def unknown_lines(references: Sequence[str]) -> list[int]:
    """Lines (from 0) whose reference holds an unknown token."""
    return [number for number, line in enumerate(references) if UNKNOWN in line]


# References come back with every system and direction into their language.
@lru_cache(maxsize=2**16)
def _detokenized(line: str, language: str, repaired: bool) -> str:
    detokenizer = _detokenizer(language)
    if not repaired:
        return detokenizer.detokenize(line.split())
    fixed = repair(detokenizer.unescape_xml(line), language)
    return (
        _detokenized(line, language, False) if fixed == line else detokenizer.detokenize(fixed.split(), unescape=False)
    )


@cache
def _detokenizer(language: str) -> MosesDetokenizer:
    return MosesDetokenizer(lang=language)
