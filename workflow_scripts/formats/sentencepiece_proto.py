"""What a SentencePiece model file says of itself: its pieces, and how it treats a line of text.

The `sentencepiece` package shows neither the kind of a model nor its normalizer, and reading its protocol buffer takes
a package more; the few fields needed here are read directly.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from workflow_scripts.errors import UserError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""Kinds of pieces."""

KIND = 3
"""The field of a piece that has its kind."""

UNIGRAM, BPE, WORD, CHAR = 1, 2, 3, 4
"""Kinds of models."""


@dataclass
class Piece:
    """One entry of a model's vocabulary; the higher the score, the earlier BPE merges it."""

    text: str = ""
    score: float = 0.0
    kind: int = NORMAL


@dataclass
class Proto:
    """A model: its pieces in the order of their ids, its kind and its treatment of text (defaults of the format)."""

    pieces: list[Piece] = field(default_factory=list)
    model: int = UNIGRAM
    charsmap: bytes = b""
    dummy_prefix: bool = True
    single_spaces: bool = True
    escapes_spaces: bool = True
    space_as_suffix: bool = False
    byte_fallback: bool = False


def read_proto(path: str | Path) -> Proto:
    """Read a `.model` file. Raises `UserError` when it is missing or not one."""
    proto = Proto()
    try:
        for number, value in _fields(Path(path).read_bytes()):
            if number == 1:
                proto.pieces.append(_piece(value))
            elif number == 2:
                found = dict(_fields(value))
                proto.model = found.get(3, proto.model)
                proto.space_as_suffix = bool(found.get(24, proto.space_as_suffix))
                proto.byte_fallback = bool(found.get(35, proto.byte_fallback))
            elif number == 3:
                found = dict(_fields(value))
                proto.charsmap = found.get(2, proto.charsmap)
                proto.dummy_prefix = bool(found.get(3, proto.dummy_prefix))
                proto.single_spaces = bool(found.get(4, proto.single_spaces))
                proto.escapes_spaces = bool(found.get(5, proto.escapes_spaces))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except (ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        raise UserError(f"{path} is not a SentencePiece model: {error}") from None
    if not proto.pieces:
        raise UserError(f"{path} is not a SentencePiece model: it has no pieces")
    return proto


def without(data: bytes, unused: Collection[str]) -> bytes:
    """The model `data` with these of its normal pieces marked as unused; all else is as it was."""
    made = bytearray()
    for number, value in _fields(data):
        if number == 1 and (piece := _piece(value)).kind == NORMAL and piece.text in unused:
            # Of a field that is there twice the last one counts.
            value += _written(KIND << 3) + _written(UNUSED)
        # All fields of a model are messages.
        made += _written(number << 3 | 2) + _written(len(value)) + value
    return bytes(made)


def _written(value: int) -> bytes:
    """An integer as `_varint` reads it."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _piece(data: bytes) -> Piece:
    found = dict(_fields(data))
    return Piece(found[1].decode(), struct.unpack("<f", found.get(2, bytes(4)))[0], found.get(KIND, NORMAL))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """`(number, value)` of every field of a message: an int, or the bytes of anything longer or of fixed size."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == 2:
            size, place = _varint(data, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"unexpected field kind {kind}")
        if place + size > len(data):
            raise ValueError("it is cut off")
        yield key >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place
