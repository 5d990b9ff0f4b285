"""Parquet files with what made them: how all artefacts lie on disk.

Every file is zstd-compressed with dictionary-encoded strings, and carries what made it and the version of the files'
layout as plain string keys of the schema's metadata (JSON where a value is not a string), so pandas, polars, DuckDB and
R read it as it is. Files of another layout are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workflow_scripts.errors import UserError
from workflow_scripts.files import FORMAT, SEAL, replacing

REMEDY = "move the folder results/<run> away, or give the run another name, and start again"
Metadata = dict[str, Any]


def read_metadata(path: str | Path) -> Metadata:
    """What made the file at `path`; empty where there is no readable Parquet file."""
    try:
        return _decode(pq.read_schema(path).metadata)
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return {}


def write_table(path: str | Path, table: pa.Table, metadata: Metadata) -> None:
    """Write a table and what made it, with the version of the layout."""
    encoded = {key: _encode(value) for key, value in {**metadata, "format": FORMAT}.items()}
    encoded[SEAL] = _seal(table, encoded)
    strings = [field.name for field in table.schema if pa.types.is_string(field.type)]
    # Sorted indices take one or two bits each as differences.
    packed = {"neurons.list.element": "DELTA_BINARY_PACKED"} if "neurons" in table.column_names else None
    with replacing(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata(encoded),
            temporary,
            compression="zstd",
            use_dictionary=strings,
            column_encoding=packed,
        )


def is_sealed(path: str | Path) -> bool | None:
    """Whether a file that `write_table` wrote is as it was written; None where an earlier version wrote it."""
    try:
        table = pq.read_table(path, partitioning=None)
        carried = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return False
    if SEAL not in carried:
        return None if "format" in carried else False
    return carried[SEAL] == _seal(table, {key: value for key, value in carried.items() if key != SEAL})


def _seal(table: pa.Table, encoded: Mapping[str, str]) -> str:
    """SHA-256 of the values of all columns, of whatever chunks and encodings, and of what the metadata says."""
    hashed = hashlib.sha256(json.dumps(encoded, sort_keys=True).encode())
    for name in table.schema.names:
        kind = table.schema.field(name).type
        # The type of a list also says what its items are called, which is not kept.
        kind = f"list of {kind.value_type}" if pa.types.is_list(kind) else str(kind)
        hashed.update(f"{name} {kind} {len(table)}\n".encode())
        for part in _flat(table[name].combine_chunks()):
            hashed.update(part)
    return hashed.hexdigest()


def _flat(values: pa.Array) -> Iterator[bytes]:
    """The bytes of an array that follow from its values alone: which are there, sizes, and the values."""
    yield np.packbits(values.is_null().to_numpy(zero_copy_only=False)).tobytes()
    kind, present = values.type, values.drop_null()
    if pa.types.is_list(kind):
        yield pc.list_value_length(present).to_numpy().tobytes()
        yield from _flat(present.flatten())
    elif pa.types.is_string(kind):
        yield pc.binary_length(present).to_numpy().tobytes()
        yield "".join(present.to_pylist()).encode("utf-8", "surrogatepass")
    else:
        yield present.to_numpy(zero_copy_only=False).tobytes()


def read_table(path: str | Path, schema: pa.Schema | Callable[[list[str]], pa.Schema]) -> tuple[pa.Table, Metadata]:
    """Read a table and what made it. Raises `UserError` for a file that is missing, damaged, or of another kind.

    `schema` is what it must have, or says so of the names of the columns that it has.
    """
    try:
        table = pq.read_table(path, partitioning=None)
        table.validate(full=True)
        metadata = _decode(table.schema.metadata)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, not a Parquet file") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, PermissionError):
            raise
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path} is not a Parquet file, or it is damaged: {reason}") from None
    names = table.schema.names
    wanted = schema(names) if callable(schema) else schema
    if not table.schema.equals(wanted, check_metadata=False):
        raise UserError(f"{path} has columns {names}, expected {wanted.names}: it is another kind of file")
    if metadata.get("format") != FORMAT:
        found = metadata.get("format", "none")
        raise UserError(f"{path} is of another version of this project (layout {found}, not {FORMAT}): {REMEDY}")
    return table, metadata


def check_filled(path: str | Path, table: pa.Table, names: Iterable[str]) -> None:
    """Raise `UserError` where one of these columns has a row without a value."""
    if empty := [name for name in names if table[name].null_count]:
        raise UserError(f"{path}: rows lack {', '.join(empty)}; make the file again")


def _encode(value: Any) -> str:
    """A string as it is, anything else as JSON; so is a string that would be read as something else ("80")."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, sort_keys=True)


def _decode(metadata: Mapping[bytes, bytes] | None) -> Metadata:
    decoded: Metadata = {}
    for key, value in (metadata or {}).items():
        if key.decode() == SEAL:
            continue
        try:
            decoded[key.decode()] = json.loads(value)
        except ValueError:
            decoded[key.decode()] = value.decode()
    return decoded
