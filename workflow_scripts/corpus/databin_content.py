"""What lies in a fairseq data-bin, read without fairseq: whether indices and symbols are those of the dictionary."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from workflow_scripts.corpus.symbols import SPECIAL, read_symbols
from workflow_scripts.errors import UserError

MAGIC = b"MMIDIDX\x00\x00"
HEADER = struct.Struct("<9sQBQ")
"""Magic, version, code of the type, number of sentences."""
TYPES = {1: "<u1", 2: "<i1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "<f8", 7: "<f8", 8: "<u2"}
"""fairseq's codes of the types in which ids are stored."""
BLOCK = 1 << 24
"""Ids that are looked at at once."""


def count_symbols(dictionary: Path) -> int:
    """The symbols of a dictionary, fairseq's own included. Raises `UserError` where it has none of its own."""
    symbols = len(read_symbols(dictionary, []))
    if symbols == len(SPECIAL):
        raise UserError(f"{dictionary} is empty: every piece would be unknown; use the dictionary of the data-bin")
    return symbols


def count_sentences(prefix: Path) -> int:
    """What `{prefix}.idx` says that there are. Raises `UserError` where it is no index."""
    index = prefix.with_name(f"{prefix.name}.idx")
    with index.open("rb") as file:
        head = file.read(HEADER.size)
    return _header(index, head)[2]


def _header(index: Path, content: bytes) -> tuple[int, int, int]:
    """Version, code of the type, and number of sentences, of the content of an index."""
    if len(content) < HEADER.size or not content.startswith(MAGIC):
        raise UserError(f"{index} is no index of fairseq's `mmap` data: run fairseq-preprocess again, or copy it anew")
    return HEADER.unpack_from(content)[1:]


def check_side(prefix: Path, symbols: int) -> int:
    """Check `{prefix}.idx` and `{prefix}.bin` and return the number of sentences.

    Raises `UserError` where the index is cut, of another kind or does not fit its data, a sentence is empty, or an id
    is not below `symbols`: fairseq would fail at them, hours later.
    """
    index, data = (prefix.with_name(f"{prefix.name}.{kind}") for kind in ("idx", "bin"))
    content = index.read_bytes()
    version, code, sentences = _header(index, content)
    if version != 1 or code not in TYPES:
        raise UserError(f"{index} is of a version or type that is not known ({version}, {code})")
    if sentences == 0:
        raise UserError(f"{index} has no sentence")
    # Compared before anything is made of that size: what a damaged header says may not fit into memory.
    if len(content) != HEADER.size + 12 * sentences:
        raise UserError(f"{index} is cut or damaged: {len(content):,} bytes do not hold {sentences:,} sentences")
    sizes = np.frombuffer(content, "<i4", sentences, HEADER.size).astype(np.int64)
    pointers = np.frombuffer(content, "<i8", sentences, HEADER.size + 4 * sentences)
    width = np.dtype(TYPES[code]).itemsize
    if (sizes < 1).any():
        raise UserError(f"{index}: sentence {int((sizes < 1).argmax())} (from 0) is empty")
    if not np.array_equal(pointers, np.concatenate([[0], np.cumsum(sizes)[:-1]]) * width):
        raise UserError(f"{index} is damaged: its sentences do not follow each other")
    found = data.stat().st_size
    if found != (wanted := int(sizes.sum()) * width):
        raise UserError(f"{data} has {found:,} bytes, its index wants {wanted:,}: it is cut, or of another data-bin")
    ids = np.memmap(data, TYPES[code], "r")
    for start in range(0, len(ids), BLOCK):
        block = ids[start : start + BLOCK]
        wrong = (block < 0) | (block >= symbols)
        if wrong.any():
            place = start + int(wrong.argmax())
            sentence = int(np.searchsorted(np.cumsum(sizes), place, side="right"))
            raise UserError(
                f"{data}, sentence {sentence} (from 0): symbol {ids[place]} is not one of the dictionary's {symbols}; "
                "it was made with another dictionary"
            )
    return sentences


def count_long(prefixes: tuple[Path, Path], positions: int) -> int:
    """The sentences of which a side, with its language tag, has more than so many positions: training skips them."""
    sizes = []
    for prefix in prefixes:
        index = prefix.with_name(f"{prefix.name}.idx")
        sizes.append(np.fromfile(index, "<i4", count_sentences(prefix), offset=HEADER.size))
    return int((np.maximum(*sizes) + 1 > positions).sum())


def check_pair(prefixes: tuple[Path, Path], symbols: int) -> int:
    """Check both sides of a pair and return the number of sentences. Raises `UserError` where it is not the same."""
    first, second = (check_side(prefix, symbols) for prefix in prefixes)
    if first != second:
        raise UserError(f"{prefixes[0]} has {first:,} sentences, {prefixes[1].name} {second:,}: both need as many")
    return first
