"""What is proved again for `tests/RELIABILITY.md`: a part of it each module, made by its `gather(scratch)`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """A part: a headline with the figures, a table, and how many of what was tried failed (0 is asked for)."""

    title: str
    headline: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    failed: int
