"""What is proved of reliability, a module per part: `gather(scratch)` proves it anew and says what came out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """One part of RELIABILITY.md: what was tried, in a sentence and in a table, and how many of it `failed`."""

    title: str
    headline: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    failed: int
