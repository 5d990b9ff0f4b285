"""The pipeline's artefacts: the schemas of their Parquet files, and what they are in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workflow_scripts.artifacts_checks import COMPONENTS, check_layer, check_masks
from workflow_scripts.artifacts_files import Metadata, check_filled, read_table, write_table
from workflow_scripts.errors import UserError
from workflow_scripts.files import as_written, digest
from workflow_scripts.neurons.criterion import GRADIENTS

Layer = tuple[str, int]
"""A component and the number of one of its layers, counted from 0."""

NEURON = [("component", pa.string()), ("layer", pa.int32()), ("neuron", pa.int32())]
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
        ("halves", pa.float64()),
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


STATISTICS = {
    **dict.fromkeys(("count", "count_all", "count_even"), pa.int64()),
    **dict.fromkeys(("sum", "sum_sq", "abs_pre", "w1_norm", "w2_norm"), pa.float64()),
    **dict.fromkeys(GRADIENTS, pa.float64()),
}
"""What a file of activations says of a neuron, `GRADIENTS` on request alone; `fairseq_plugin` defines them."""


@dataclass(frozen=True)
class Activations:
    """Statistics of the neurons of one direction: `values[(component, layer)][name]` is an array [F]."""

    pair: str
    values: dict[Layer, dict[str, NDArray[Any]]]
    metadata: Metadata

    @property
    def counts(self) -> dict[Layer, NDArray[np.int64]]:
        """Activation counts, int64 [F], by layer."""
        return {layer: columns["count"] for layer, columns in self.values.items()}

    @property
    def widths(self) -> dict[Layer, int]:
        """How many neurons each layer has."""
        return {layer: len(counts) for layer, counts in self.counts.items()}

    @property
    def positions(self) -> dict[str, int]:
        """Over how many positions neurons were counted, by component; empty where it was not written down."""
        return self.metadata.get("counted_positions", {})

    def counting(self, positions: str) -> Activations:
        """The same with `count` over `real` positions, or over `all`: with padding, as the published code counts."""
        if positions == "real":
            return self
        values = {layer: {**columns, "count": columns["count_all"]} for layer, columns in self.values.items()}
        over = self.metadata.get("counted_positions_all", {})
        return replace(self, values=values, metadata={**self.metadata, "counted_positions": over})

    def half(self, number: int) -> Activations:
        """The same with `count` over the sentences at even line numbers (0), or over the others (1); real positions.

        Nothing else is halved, and `positions` are empty where those of the halves were not written down.
        """
        values = {
            layer: {**columns, "count": columns["count"] - columns["count_even"] if number else columns["count_even"]}
            for layer, columns in self.values.items()
        }
        whole, even = self.positions, self.metadata.get("counted_positions_even", {})
        own = {part: whole[part] - even[part] if number else even[part] for part in even}
        return replace(self, values=values, metadata={**self.metadata, "counted_positions": own})

    def digest(self, names: Iterable[str] = ("count",)) -> str:
        """SHA-256 of these columns alone, whatever made them and in whatever order of layers."""
        hashed = hashlib.sha256()
        for (component, layer), columns in sorted(self.values.items()):
            for name in sorted(names):
                values = columns[name]
                hashed.update(f"{component} {layer} {name} {len(values)}\n".encode())
                hashed.update(np.ascontiguousarray(values, dtype="<f8" if values.dtype.kind == "f" else "<i8"))
        return hashed.hexdigest()


@dataclass(frozen=True)
class Mask:
    """The neurons one direction keeps in one layer.

    `neurons` are sorted int32 indices below `ffn_dim`, `k` is the threshold in percent (None where none was used),
    `coverage` the share of the direction's activations that the kept neurons have. `halves` is what is shared (IoU) by
    the sets that either half of the direction's text would have chosen: the noise of the choice. None where the choice
    does not depend on text, or on more than counts.
    """

    pair: str
    component: str
    layer: int
    ffn_dim: int
    neurons: NDArray[np.int32]
    k: float | None
    coverage: float
    halves: float | None = None

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


def write_activations(path: str | Path, values: Mapping[Layer, Mapping[str, NDArray[Any]]], metadata: Metadata) -> None:
    """Write the statistics of one direction, one row per neuron; `metadata` must name the `pair`.

    `values` have all of `STATISTICS`, or all but `GRADIENTS`, in every layer.
    """
    layers = sorted(values, key=lambda layer: (COMPONENTS.index(layer[0]), layer[1]))
    sizes = [len(values[layer]["count"]) for layer in layers]
    schema = _activations(values[layers[0]])
    columns = {
        "component": np.repeat([component for component, _ in layers], sizes),
        "layer": np.repeat(np.array([layer for _, layer in layers], dtype=np.int32), sizes),
        "neuron": np.concatenate([np.arange(size, dtype=np.int32) for size in sizes]),
    }
    for name in schema.names[len(columns) :]:
        columns[name] = np.concatenate([values[layer][name] for layer in layers])
    write_table(path, pa.table(columns, schema=schema), metadata)


def _activations(names: Collection[str]) -> pa.Schema:
    """The schema of a file of activations that has these columns: with those of gradients where it has any of them."""
    without = set(GRADIENTS) if set(GRADIENTS).isdisjoint(names) else set[str]()
    return pa.schema([*NEURON, *((name, kind) for name, kind in STATISTICS.items() if name not in without)])


def read_activations(path: str | Path, wanted: Collection[str] | None = None) -> Activations:
    """Read what `write_activations` wrote, or of its statistics the `wanted` ones that it has: hundreds of files with
    all of them fill the memory. Raises `UserError` when the file is missing or something else.
    """
    table, metadata = read_table(path, partial(_known, path))
    if not isinstance(metadata.get("pair"), str):
        raise UserError(f"{path} does not say which direction it belongs to; record the counts again")
    with as_written(path):
        for key in metadata:
            if key.startswith("counted_positions"):
                metadata[key] = {part: int(count) for part, count in metadata[key].items()}
    check_filled(path, table, table.schema.names)
    names = [name for name in table.schema.names[len(NEURON) :] if wanted is None or name in wanted]
    table = table.select([name for name, _ in NEURON] + names)
    values: dict[Layer, dict[str, NDArray[Any]]] = {}
    for (component, number), rows in table.to_pandas().groupby(["component", "layer"], sort=False):
        rows, layer = rows.sort_values("neuron"), (str(component), int(number))
        # Copies: a column must not keep all others of its file.
        values[layer] = {name: rows[name].to_numpy(copy=True) for name in names}
        check_layer(path, layer, rows["neuron"].to_numpy(), values[layer])
    if not values:
        raise UserError(f"{path} has no rows; record the counts again")
    return Activations(metadata["pair"], values, metadata)


def _known(path: str | Path, names: Collection[str]) -> pa.Schema:
    """The schema that a file of activations of these columns must have. Raises `UserError` for counts alone."""
    if list(names) == [*(name for name, _ in NEURON), "count"]:
        raise UserError(
            f"{path} has nothing but counts: an earlier version recorded it, and it does not say whether padding is "
            "among them; record it again (the same command, or `snakemake`)"
        )
    return _activations(names)


def write_masks(path: str | Path, rows: Iterable[Mask], metadata: Metadata) -> None:
    """Write the masks of one system, one row per pair, component and layer."""
    records = [
        {name: getattr(row, name) for name in MASKS.names if name != "neurons"} | {"neurons": row.neurons.tolist()}
        for row in rows
    ]
    write_table(path, pa.Table.from_pylist(records, schema=MASKS), metadata)


def read_masks(path: str | Path) -> Masks:
    """Read what `write_masks` wrote. Raises `UserError` when the file is missing or something else."""
    # An earlier version did not choose by halves.
    table, metadata = read_table(
        path, lambda names: MASKS if MASKS.names[-1] in names else MASKS.remove(len(MASKS) - 1)
    )
    if MASKS.names[-1] not in table.column_names:
        table = table.append_column(MASKS.field(MASKS.names[-1]), pa.nulls(len(table), pa.float64()))
    columns = [table[name].to_pylist() for name in ("pair", "component", "layer", "ffn_dim", "k", "coverage", "halves")]
    check_filled(path, table, ("pair", "component", "layer", "ffn_dim", "neurons"))
    neurons = table["neurons"].combine_chunks()
    values, offsets = neurons.values.to_numpy(), neurons.offsets.to_numpy()
    rows = [
        Mask(pair, component, layer, ffn_dim, values[start:end], k, covered, halves)
        for pair, component, layer, ffn_dim, k, covered, halves, start, end in zip(
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
    write_table(path, pa.Table.from_pylist([dict(row) for row in rows], schema=TRANSLATIONS), metadata)


def read_translations(path: str | Path) -> tuple[list[dict[str, Any]], Metadata]:
    """Read what `write_translations` wrote: rows in order of `id`, and the metadata."""
    table, metadata = read_table(path, TRANSLATIONS)
    return table.sort_by("id").to_pylist(), metadata


def write_segments(path: str | Path, rows: Iterable[Mapping[str, Any]], metadata: Metadata) -> None:
    """Write what metrics say of single segments: `text` (the variant), `metric`, `id` (line of the test set, from 0).

    Metrics that count give the sufficient `statistics` of a segment, neural ones its `score`; the other is None.
    """
    write_table(path, pa.Table.from_pylist([dict(row) for row in rows], schema=SEGMENTS), metadata)


def read_segments(path: str | Path) -> tuple[dict[tuple[str, str], NDArray[np.float64]], Metadata]:
    """Read what `write_segments` wrote: `{(text, metric): [n, m] statistics or [n, 1] scores}`, and the metadata."""
    table, metadata = read_table(path, SEGMENTS)
    segments: dict[tuple[str, str], NDArray[np.float64]] = {}
    for (text, metric), rows in table.to_pandas().groupby(["text", "metric"], sort=False):
        rows = rows.sort_values("id")
        scores = rows["score"].to_numpy()[:, None]
        if not rows["statistics"].isna().all():
            with as_written(path):
                scores = np.stack(rows["statistics"])
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
