"""Filters for training text: which sentence pairs are kept, and how many each filter leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

COLUMNS = ("pair", "split", "filter", "before", "kept")


@dataclass(frozen=True)
class Limits:
    """What a training pair must satisfy. Lengths are in words; `max_ratio` is longer side over shorter."""

    min_words: int = 1
    max_words: int = 256
    max_ratio: float = 3.0


def comparable(sentence: str) -> str:
    """Letters and digits alone, in lower case: the form in which sentences are compared with held-out ones."""
    return "".join(character for character in sentence.casefold() if character.isalnum())


def fingerprint(text: str) -> int:
    """64 bits for a text: sets of these stay small for millions of lines, and are the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def held_out_set(sentences: Iterable[str]) -> set[int]:
    """The fingerprints of held-out sentences, to keep them out of training text; wordless ones are left out."""
    return {fingerprint(key) for sentence in sentences if (key := comparable(sentence))}


@dataclass
class TrainingFilter:
    """Filters sentence pairs one by one, in this order: empty, length, ratio, duplicate, held_out.

    `held_out` has the fingerprints of held-out sentences of the first and of the second language. A pair of
    which either side is among them is dropped. `dropped` counts per filter what it took away.
    """

    limits: Limits
    held_out: tuple[set[int], set[int]]
    dropped: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("empty", "length", "ratio", "duplicate", "held_out"), 0)
    )
    seen: set[int] = field(default_factory=set)

    def reason(self, first: str, second: str) -> str:
        """The filter that drops the pair, or ""."""
        lengths = len(first.split()), len(second.split())
        if not all(lengths):
            return "empty"
        if min(lengths) < self.limits.min_words or max(lengths) > self.limits.max_words:
            return "length"
        if max(lengths) > self.limits.max_ratio * min(lengths):
            return "ratio"
        pair = fingerprint(f"{first}\n{second}")
        if pair in self.seen:
            return "duplicate"
        self.seen.add(pair)
        sides = zip((first, second), self.held_out, strict=True)
        return "held_out" if any(fingerprint(comparable(text)) in held for text, held in sides) else ""

    def __call__(self, pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Yield the pairs that every filter keeps."""
        for first, second in pairs:
            reason = self.reason(first, second)
            if reason:
                self.dropped[reason] += 1
            else:
                yield first, second

    def table(self, read: int) -> list[dict[str, str | int]]:
        """Rows `filter, before, kept` in the order of the filters, after `read` pairs were filtered."""
        return filter_rows(read, self.dropped)


def filter_rows(read: int, dropped: dict[str, int]) -> list[dict[str, str | int]]:
    """Rows `filter, before, kept` for filters applied one after the other to `read` lines."""
    rows = []
    for name, count in dropped.items():
        rows.append({"filter": name, "before": read, "kept": read - count})
        read -= count
    return rows
