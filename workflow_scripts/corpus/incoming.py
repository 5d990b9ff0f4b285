"""Lines of text in batches, as they come: from files, or from a stream that may pause between lines."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable, Iterator
from itertools import islice

from workflow_scripts.errors import UserError

PAUSE = 0.05
"""Seconds without anything new after which what has come is a batch."""
BLOCK = 1 << 16
"""Bytes that are read at once."""


def batched(lines: Iterable[str], sizes: Iterator[int]) -> Iterator[list[str]]:
    """Batches of the next of `sizes` lines each; the last may be smaller."""
    remaining = iter(lines)
    while batch := list(islice(remaining, next(sizes))):
        yield batch


def arriving(descriptor: int, name: str, sizes: Iterator[int]) -> Iterator[list[str]]:
    """Batches of the lines of a stream, UTF-8: up to the next of `sizes`, fewer when the stream pauses.

    Whoever sends a line and waits for the answer gets it. Only a line feed ends a line; the last may lack it. Raises
    `UserError` with the number of a line that is not UTF-8, after all lines before it.
    """
    lines: list[bytes] = []
    rest, number, open_ = b"", 0, True
    while open_ or lines:
        size = next(sizes)
        while open_ and len(lines) < size and (not lines or select.select([descriptor], [], [], PAUSE)[0]):
            block = os.read(descriptor, BLOCK)
            open_ = bool(block)
            *new, rest = (rest + block).split(b"\n")
            lines += new
            if not open_ and rest:
                lines.append(rest)
        if batch := lines[:size]:
            yield from _decoded(batch, name, number)
        lines, number = lines[size:], number + len(batch)


def _decoded(batch: list[bytes], name: str, before: int) -> Iterator[list[str]]:
    """The batch as text; of one with a line that is not UTF-8, the lines before that."""
    decoded: list[str] = []
    for line in batch:
        try:
            decoded.append(line.decode())
        except UnicodeDecodeError as error:
            if decoded:
                yield decoded
            raise UserError(
                f"{name}, line {before + len(decoded) + 1}: not UTF-8 ({error.reason} at byte {error.start + 1}); "
                "convert it, for example with iconv -f ENCODING -t UTF-8"
            ) from None
    yield decoded
