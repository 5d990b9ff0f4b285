"""What was tried, part by part, for RELIABILITY.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """A part of what was tried: what it is called, its outcome in a line, a table, and how many attempts failed."""

    title: str
    headline: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    failed: int
