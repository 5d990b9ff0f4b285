"""Cutting lines that are too long for a model, and putting their translations together again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

_CLOSING = "[\"'”’»)\\]」』）]*"
ENDS = (
    # Sentences: a stop and a space; scripts without spaces have stops of their own.
    re.compile(rf"[.!?…؟۔।॥։]+{_CLOSING}\s+|[。！？]+{_CLOSING}\s*"),
    # Clauses.
    re.compile(rf"[,;:،؛]{_CLOSING}\s+|[，、；：]\s*|\s[–—-]\s+"),
    # Words.
    re.compile(r"\s+"),
)
"""Where a line may be cut, best places first."""
WIDE = "。！？，、；：」』）"
"""Stops after which no space is written."""


def cut(line: str, fits: Callable[[str], bool], level: int = 0) -> list[str]:
    """`line` in parts that fit, in order: its sentences, which are what models are trained on.

    One that does not fit itself is cut into as few parts as its clauses allow, else words, at last anywhere. A line
    that fits stays whole. Nothing is lost but the spaces at the cuts. A single character that does not fit is a part
    all the same.
    """
    line = line.strip()
    if len(line) < 2 or fits(line):
        return [line]
    if level == len(ENDS):
        # Half a character cannot be: at least one on each side.
        middle = len(line) // 2
        return [*cut(line[:middle], fits, level), *cut(line[middle:], fits, level)]
    parts, units = [], _units(line, ENDS[level])
    for part in _packed(units, fits) if level else units:
        parts += [part.strip()] if fits(part.strip()) else cut(part, fits, level + 1)
    return parts


def _units(line: str, end: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for found in end.finditer(line):
        yield line[start : found.end()]
        start = found.end()
    if start < len(line):
        yield line[start:]


def _packed(units: Iterator[str], fits: Callable[[str], bool]) -> Iterator[str]:
    """Units put together as long as they fit; one that is too long by itself stays alone."""
    packed = ""
    for unit in units:
        if packed and not fits((packed + unit).strip()):
            yield packed
            packed = ""
        packed += unit
    if packed:
        yield packed


def joined(parts: Sequence[str]) -> str:
    """Translations of the parts of a line as one line."""
    line = ""
    for part in filter(None, parts):
        space = " " if line and not line.endswith(tuple(WIDE)) else ""
        line += space + part
    return line
