"""The pipeline's Parquet files: their schemas and metadata, the only place that reads and writes them.

Every file is zstd-compressed with dictionary-encoded strings, and carries what made it and the version of the files'
layout as plain string keys of the schema's metadata (JSON where a value is not a string), so pandas, polars, DuckDB and
R read it as it is. Files of another layout are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workflow_scripts.artifacts_checks import COMPONENTS, check_layer, check_masks
from workflow_scripts.errors import UserError
from workflow_scripts.files import FORMAT, digest, replacing

REMEDY = "move the folder results/<run> away, or give the run another name, and start again"

Metadata = dict[str, Any]
Layer = tuple[str, int]
"""A component and the number of one of its layers, counted from 0."""

ACTIVATIONS = pa.schema(
    [("component", pa.string()), ("layer", pa.int32()), ("neuron", pa.int32()), ("count", pa.int64())]
)
MASKS = pa.schema(
    [
        ("pair", pa.string()),
        ("component", pa.string()),
        ("layer", pa.int32()),
        ("ffn_dim", pa.int32()),
        ("neurons", pa.list_(pa.int32())),
        ("k", pa.float64()),
        ("coverage", pa.float64()),
        ("density", pa.float64()),
    ]
)
TRANSLATIONS = pa.schema(
    [
        ("id", pa.int32()),
        ("source", pa.string()),
        ("reference", pa.string()),
        ("hypothesis", pa.string()),
        ("score", pa.float64()),
    ]
)
SEGMENTS = pa.schema(
    [
        ("text", pa.string()),
        ("metric", pa.string()),
        ("id", pa.int32()),
        ("score", pa.float64()),
        ("statistics", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True)
class Activations:
    """Activation counts of one direction: `counts[(component, layer)]` is int64 [F]."""

    pair: str
    counts: dict[Layer, NDArray[np.int64]]
    metadata: Metadata

    def digest(self) -> str:
        """SHA-256 of the counts alone, whatever made them and in whatever order of layers."""
        hashed = hashlib.sha256()
        for component, layer in sorted(self.counts):
            counts = self.counts[component, layer]
            hashed.update(f"{component} {layer} {len(counts)}\n".encode())
            hashed.update(np.ascontiguousarray(counts, dtype="<i8"))
        return hashed.hexdigest()


@dataclass(frozen=True)
class Mask:
    """The neurons one direction keeps in one layer.

    `neurons` are sorted int32 indices below `ffn_dim`, `k` is the threshold in percent (None where none was used),
    `coverage` the share of the direction's activations that the kept neurons have.
    """

    pair: str
    component: str
    layer: int
    ffn_dim: int
    neurons: NDArray[np.int32]
    k: float | None
    coverage: float

    @property
    def density(self) -> float:
        """Share of the layer's neurons that are kept."""
        return len(self.neurons) / self.ffn_dim


@dataclass(frozen=True)
class Masks:
    """All masks of one system."""

    rows: list[Mask]
    metadata: Metadata

    def kept(self) -> dict[str, dict[Layer, NDArray[np.int32]]]:
        """`{pair: {(component, layer): kept neurons}}`."""
        kept: dict[str, dict[Layer, NDArray[np.int32]]] = {}
        for row in self.rows:
            kept.setdefault(row.pair, {})[row.component, row.layer] = row.neurons
        return kept


def write_activations(path: str | Path, counts: Mapping[Layer, NDArray[np.int64]], metadata: Metadata) -> None:
    """Write the counts of one direction, one row per neuron; `metadata` must name the `pair`."""
    layers = sorted(counts, key=lambda layer: (COMPONENTS.index(layer[0]), layer[1]))
    sizes = [len(counts[layer]) for layer in layers]
    columns = [
        np.repeat([component for component, _ in layers], sizes),
        np.repeat(np.array([layer for _, layer in layers], dtype=np.int32), sizes),
        np.concatenate([np.arange(size, dtype=np.int32) for size in sizes]),
        np.concatenate([counts[layer] for layer in layers]),
    ]
    _write(path, pa.table(dict(zip(ACTIVATIONS.names, columns, strict=True)), schema=ACTIVATIONS), metadata)


def read_activations(path: str | Path) -> Activations:
    """Read what `write_activations` wrote. Raises `UserError` when the file is missing or something else."""
    table, metadata = _read(path, ACTIVATIONS)
    if not isinstance(metadata.get("pair"), str):
        raise UserError(f"{path} does not say which direction it belongs to; record the counts again")
    _check_filled(path, table, ACTIVATIONS.names)
    counts: dict[Layer, NDArray[np.int64]] = {}
    for (component, number), rows in table.to_pandas().groupby(["component", "layer"], sort=False):
        rows, layer = rows.sort_values("neuron"), (str(component), int(number))
        counts[layer] = rows["count"].to_numpy()
        check_layer(path, layer, rows["neuron"].to_numpy(), counts[layer])
    if not counts:
        raise UserError(f"{path} has no rows; record the counts again")
    return Activations(metadata["pair"], counts, metadata)


def write_masks(path: str | Path, rows: Iterable[Mask], metadata: Metadata) -> None:
    """Write the masks of one system, one row per pair, component and layer."""
    records = [
        {name: getattr(row, name) for name in MASKS.names if name != "neurons"} | {"neurons": row.neurons.tolist()}
        for row in rows
    ]
    _write(path, pa.Table.from_pylist(records, schema=MASKS), metadata)


def read_masks(path: str | Path) -> Masks:
    """Read what `write_masks` wrote. Raises `UserError` when the file is missing or something else."""
    table, metadata = _read(path, MASKS)
    columns = [table[name].to_pylist() for name in ("pair", "component", "layer", "ffn_dim", "k", "coverage")]
    _check_filled(path, table, ("pair", "component", "layer", "ffn_dim", "neurons"))
    neurons = table["neurons"].combine_chunks()
    values, offsets = neurons.values.to_numpy(), neurons.offsets.to_numpy()
    rows = [
        Mask(pair, component, layer, ffn_dim, values[start:end], k, covered)
        for pair, component, layer, ffn_dim, k, covered, start, end in zip(
            *columns, offsets[:-1], offsets[1:], strict=True
        )
    ]
    check_masks(path, rows)
    return Masks(rows, metadata)


def masks_digest(rows: Iterable[Mask]) -> str:
    """SHA-256 of which neurons are kept, in whatever file and order: what a checkpoint records of its masks."""
    return digest(sorted([row.pair, row.component, row.layer, row.ffn_dim, row.neurons.tolist()] for row in rows))


def write_translations(path: str | Path, rows: Iterable[Mapping[str, Any]], metadata: Metadata) -> None:
    """Write translations: `id` (line of the test set, from 0), `source`, `reference`, `hypothesis`, `score`.

    `score` is the model's length-normalised log-probability; None where it is not known.
    """
    _write(path, pa.Table.from_pylist([dict(row) for row in rows], schema=TRANSLATIONS), metadata)


def read_translations(path: str | Path) -> tuple[list[dict[str, Any]], Metadata]:
    """Read what `write_translations` wrote: rows in order of `id`, and the metadata."""
    table, metadata = _read(path, TRANSLATIONS)
    return table.sort_by("id").to_pylist(), metadata


def write_segments(path: str | Path, rows: Iterable[Mapping[str, Any]], metadata: Metadata) -> None:
    """Write what metrics say of single segments: `text` (the variant), `metric`, `id` (line of the test set, from 0).

    Metrics that count give the sufficient `statistics` of a segment, neural ones its `score`; the other is None.
    """
    _write(path, pa.Table.from_pylist([dict(row) for row in rows], schema=SEGMENTS), metadata)


def read_segments(path: str | Path) -> tuple[dict[tuple[str, str], NDArray[np.float64]], Metadata]:
    """Read what `write_segments` wrote: `{(text, metric): [n, m] statistics or [n, 1] scores}`, and the metadata."""
    table, metadata = _read(path, SEGMENTS)
    segments: dict[tuple[str, str], NDArray[np.float64]] = {}
    for (text, metric), rows in table.to_pandas().groupby(["text", "metric"], sort=False):
        rows = rows.sort_values("id")
        scores = rows["score"].to_numpy()[:, None] if rows["statistics"].isna().all() else np.stack(rows["statistics"])
        segments[str(text), str(metric)] = scores.astype(np.float64)
    return segments, metadata


def segments_digest(segments: Mapping[tuple[str, str], NDArray[np.float64]]) -> str:
    """SHA-256 of what `read_segments` gives, whatever made it and in whatever order."""
    hashed = hashlib.sha256()
    for text, metric in sorted(segments):
        values = segments[text, metric]
        hashed.update(f"{text} {metric} {values.shape}\n".encode())
        hashed.update(np.ascontiguousarray(values, dtype="<f8"))
    return hashed.hexdigest()


def read_metadata(path: str | Path) -> Metadata:
    """What made the file at `path`; empty where there is no readable Parquet file."""
    try:
        return _decode(pq.read_schema(path).metadata)
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return {}


def _write(path: str | Path, table: pa.Table, metadata: Metadata) -> None:
    encoded = {key: _encode(value) for key, value in {**metadata, "format": FORMAT}.items()}
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


def _read(path: str | Path, schema: pa.Schema) -> tuple[pa.Table, Metadata]:
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
    if not table.schema.equals(schema, check_metadata=False):
        raise UserError(f"{path} has columns {table.schema.names}, expected {schema.names}: it is another kind of file")
    if metadata.get("format") != FORMAT:
        found = metadata.get("format", "none")
        raise UserError(f"{path} is of another version of this project (layout {found}, not {FORMAT}): {REMEDY}")
    return table, metadata


def _check_filled(path: str | Path, table: pa.Table, names: Iterable[str]) -> None:
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
        try:
            decoded[key.decode()] = json.loads(value)
        except ValueError:
            decoded[key.decode()] = value.decode()
    return decoded
