"""Files of counts and masks that no step of this version has written, or that have been damaged since."""

from __future__ import annotations

import contextlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import write_counts
from workflow_scripts.artifacts import Mask, read_activations, read_masks, write_masks
from workflow_scripts.artifacts_checks import check_layers
from workflow_scripts.errors import UserError
from workflow_scripts.systems.variant import Variant


def counts(tmp_path, change=lambda frame: frame, pair="en-de"):
    """A file of counts of two layers of four neurons each, after a change to its table."""
    path = tmp_path / "counts.parquet"
    layers = {("encoder", 0): np.arange(4), ("encoder", 1): np.arange(4), ("decoder", 0): np.arange(4)}
    write_counts(path, layers, {"pair": pair} if pair else {})
    table = pq.read_table(path)
    frame = change(table.to_pandas())
    pq.write_table(pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False), path)
    return path


def of(**columns):
    """A change: these columns have other values in the first row."""

    def change(frame):
        for name, value in columns.items():
            frame.loc[0, name] = value
        return frame

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (of(count=-1), "encoder layer 0: a count is negative"),
        (of(count=2**62), "encoder layer 0: a count is 4611686018427387904, more than any text"),
        (of(neuron=1), "encoder layer 0: the neurons must be 0 to 3, each once"),
        (of(component="encodr"), "there is no component 'encodr'"),
        (of(layer=-1), "layers count from 0"),
        (lambda frame: frame.iloc[1:], "encoder layer 0: the neurons must be"),
        (lambda frame: frame.iloc[:0], "has no rows"),
        (of(count=None), "rows lack count"),
        (of(count_even=-1), "encoder layer 0: a count_even is negative"),
        (of(sum_sq=np.inf), "encoder layer 0: sum_sq is not a finite number for every neuron"),
    ],
)
def test_counts_that_cannot_be(change, words, tmp_path):
    with pytest.raises(UserError, match=words):
        read_activations(counts(tmp_path, lambda frame: change(frame.astype({"count": "Int64"}))))


def test_a_file_of_counts_alone_is_of_an_earlier_version(tmp_path, command):
    path = counts(tmp_path)
    table = pq.read_table(path)
    pq.write_table(table.select(["component", "layer", "neuron", "count"]), path)
    said = command("masks", "--system", "x", "--select", "cumulative", "--k", 95, "--output", tmp_path / "m", path)
    assert said.code == 2
    assert "counts.parquet has nothing but counts: an earlier version recorded it" in said.err
    assert "record it again" in said.err
    pq.write_table(table.drop_columns("sum"), path)
    with pytest.raises(UserError, match=r"has columns .* another kind of file"):
        read_activations(path)


def test_counts_of_no_direction(tmp_path):
    with pytest.raises(UserError, match="does not say which direction"):
        read_activations(counts(tmp_path, pair=""))


def mask(pair="en-de", component="encoder", layer=0, ffn_dim=4, neurons=(0, 2)):
    return Mask(pair, component, layer, ffn_dim, np.array(neurons, dtype=np.int32), 95.0, 1.0)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([mask(neurons=(1, 1))], "each once"),
        ([mask(neurons=(2, 1))], "each once"),
        ([mask(neurons=(0, 4))], "below 4"),
        ([mask(neurons=(-1, 2))], "below 4"),
        ([mask(), mask()], "stands there twice"),
        ([mask(component="x")], "there is no component 'x'"),
        ([mask(pair="ende")], "ende"),
    ],
)
def test_masks_that_cannot_be(rows, words, tmp_path):
    write_masks(tmp_path / "masks.parquet", rows, {})
    with pytest.raises(UserError, match=words):
        read_masks(tmp_path / "masks.parquet")


def test_a_file_with_any_byte_flipped_is_read_or_refused_in_words(tmp_path):
    path = counts(tmp_path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with contextlib.suppress(UserError):
            read_activations(path)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({}, "has no rows"),
        ({("encoder", 1): 4}, "encoder layer 0 is missing, but there is layer 1"),
        ({("encoder", 0): 4, ("encoder", 1): 3}, "layers have 3, 4 neurons"),
    ],
)
def test_layers_of_no_model(sizes, words):
    with pytest.raises(UserError, match=words):
        check_layers("counts.parquet", sizes)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "has no rows"),
        ([mask(neurons=())], "no neuron is kept"),
        ([mask(layer=1)], "encoder layer 0 is missing"),
        ([mask(), mask(layer=1, ffn_dim=8)], "layers have 4, 8 neurons"),
        ([mask(), mask("de-en"), mask(layer=1)], "de-en has other layers than en-de"),
        ([mask(), mask("de-en", ffn_dim=8)], "de-en has other layers than en-de"),
    ],
)
def test_masks_of_no_model(rows, words, tmp_path):
    write_masks(tmp_path / "masks.parquet", rows, {})
    with pytest.raises(UserError, match=words):
        Variant("masks", tmp_path / "masks.parquet").masks  # noqa: B018
