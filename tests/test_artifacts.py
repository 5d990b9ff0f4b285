"""Parquet files: what is written is read again, plainly readable elsewhere, the same bytes every time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import write_counts
from workflow_scripts.artifacts import (
    Activations,
    Mask,
    masks_digest,
    read_activations,
    read_masks,
    read_segments,
    read_translations,
    segments_digest,
    write_masks,
    write_segments,
    write_translations,
)
from workflow_scripts.artifacts_files import read_metadata
from workflow_scripts.errors import UserError
from workflow_scripts.files import FORMAT

COUNTS = {
    ("encoder", 0): np.array([5, 0, 2**40], dtype=np.int64),
    ("decoder", 1): np.array([1, 2], dtype=np.int64),
    ("decoder", 0): np.array([7, 8], dtype=np.int64),
    ("encoder", 10): np.array([3], dtype=np.int64),
}


def columns(counts):
    return {layer: {"count": each} for layer, each in counts.items()}


def mask(pair="en-de", component="encoder", layer=0, neurons=(0, 2), ffn_dim=4, k=95.0, coverage=0.5) -> Mask:
    return Mask(pair, component, layer, ffn_dim, np.array(neurons, dtype=np.int32), k, coverage)


def test_activations_come_back_in_order_with_their_metadata(tmp_path):
    path = tmp_path / "deep/en-de.parquet"
    metadata = {"pair": "en-de", "split": "valid", "counted_positions": {"encoder": 9, "decoder": 8}, "note": "1.5"}
    write_counts(path, COUNTS, metadata)
    found = read_activations(path)
    assert found.pair == "en-de"
    assert list(found.counts) == [("encoder", 0), ("encoder", 10), ("decoder", 0), ("decoder", 1)]
    for layer, counts in COUNTS.items():
        assert found.counts[layer].dtype == np.int64
        assert np.array_equal(found.counts[layer], counts)
    assert found.metadata["counted_positions"] == {"encoder": 9, "decoder": 8}
    assert found.metadata["split"] == "valid"


def test_activations_are_one_plain_row_per_neuron(tmp_path):
    write_counts(tmp_path / "x.parquet", COUNTS, {"pair": "en-de"})
    frame = pd.read_parquet(tmp_path / "x.parquet")
    counts, sums = ["count", "count_all", "count_even"], ["sum", "sum_sq", "abs_pre", "w1_norm", "w2_norm"]
    assert list(frame.columns) == ["component", "layer", "neuron", *counts, *sums]
    assert len(frame) == 8
    row = frame[(frame.component == "encoder") & (frame.layer == 0) & (frame.neuron == 2)]
    assert row["count"].tolist() == [2**40]
    column = pq.ParquetFile(tmp_path / "x.parquet").metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert any("DICTIONARY" in encoding for encoding in column.encodings)


@given(
    st.lists(
        st.tuples(st.sampled_from(["en-de", "de-en", "en-kn"]), st.integers(0, 3), st.sets(st.integers(0, 9))),
        max_size=8,
        unique_by=lambda row: row[:2],
    )
)
def test_masks_come_back(tmp_path_factory, drawn):
    path = tmp_path_factory.mktemp("masks") / "ns.parquet"
    rows = [
        mask(pair, "decoder", layer, sorted(neurons), 10, None if layer else 80.0) for pair, layer, neurons in drawn
    ]
    write_masks(path, rows, {"select": "cumulative", "k": {"en-x": {"encoder": 95}}})
    found = read_masks(path)
    assert found.metadata == {"select": "cumulative", "k": {"en-x": {"encoder": 95}}, "format": 2}
    assert masks_digest(found.rows) == masks_digest(rows)
    for one, other in zip(found.rows, rows, strict=True):
        assert (one.pair, one.component, one.layer, one.ffn_dim, one.k, one.coverage) == (
            (other.pair, other.component, other.layer, other.ffn_dim, other.k, other.coverage)
        )
        assert one.neurons.dtype == np.int32
        assert one.neurons.tolist() == other.neurons.tolist()
        assert one.density == len(other.neurons) / 10


def test_kept_neurons_by_direction_and_layer(tmp_path):
    write_masks(tmp_path / "m.parquet", [mask(), mask(layer=1, neurons=()), mask("de-en", "decoder", 0, (3,))], {})
    kept = read_masks(tmp_path / "m.parquet").kept()
    assert {pair: {key: rows.tolist() for key, rows in layers.items()} for pair, layers in kept.items()} == {
        "en-de": {("encoder", 0): [0, 2], ("encoder", 1): []},
        "de-en": {("decoder", 0): [3]},
    }


@pytest.mark.parametrize(
    "other", [mask("en-fr"), mask(component="decoder"), mask(layer=1), mask(neurons=(0, 1)), mask(ffn_dim=5)]
)
def test_digest_of_masks_changes_with_what_is_kept(other):
    assert masks_digest([mask()]) != masks_digest([other])


def test_digest_of_masks_does_not_depend_on_how_they_were_chosen():
    assert masks_digest([mask()]) == masks_digest([mask(k=None, coverage=0.9)])


def test_translations_keep_any_text_and_unknown_scores(tmp_path):
    rows = [
        {"id": 1, "source": "ተ\tb", "reference": 'a "quoted" word', "hypothesis": "", "score": None},
        {"id": 0, "source": "\u2028", "reference": "x", "hypothesis": "हिन्दी", "score": -1.25},
    ]
    write_translations(tmp_path / "t.parquet", rows, {"pair": "en-am"})
    found, metadata = read_translations(tmp_path / "t.parquet")
    assert found == [rows[1], rows[0]]
    assert metadata["pair"] == "en-am"


def test_segments_come_back_per_text_and_metric(tmp_path):
    rows = [
        {"text": "plain", "metric": "BLEU", "id": 1, "score": None, "statistics": [3, 4]},
        {"text": "plain", "metric": "BLEU", "id": 0, "score": None, "statistics": [1, 2]},
        {"text": "plain", "metric": "COMET", "id": 0, "score": 0.5, "statistics": None},
    ]
    write_segments(tmp_path / "s.parquet", rows, {})
    found, _ = read_segments(tmp_path / "s.parquet")
    assert found["plain", "BLEU"].tolist() == [[1, 2], [3, 4]]
    assert found["plain", "COMET"].tolist() == [[0.5]]


def test_same_content_is_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_counts(tmp_path / f"{name}.parquet", COUNTS, {"pair": "en-de", "settings": {"b": 1, "a": 2}})
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_another_kind_of_file_is_refused_by_name(tmp_path):
    write_masks(tmp_path / "m.parquet", [mask()], {})
    with pytest.raises(UserError, match=r"m\.parquet has columns .* another kind of file"):
        read_activations(tmp_path / "m.parquet")
    with pytest.raises(UserError, match=r"gone\.parquet does not exist"):
        read_masks(tmp_path / "gone.parquet")
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(UserError, match=r"text\.parquet is not a Parquet file"):
        read_masks(tmp_path / "text.parquet")


def test_half_a_file_is_refused(tmp_path):
    write_masks(tmp_path / "m.parquet", [mask()], {})
    content = (tmp_path / "m.parquet").read_bytes()
    (tmp_path / "m.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="not a Parquet file"):
        read_masks(tmp_path / "m.parquet")
    assert read_metadata(tmp_path / "m.parquet") == {}


def test_metadata_alone(tmp_path):
    write_masks(tmp_path / "m.parquet", [mask()], {"made_from": "abc", "seed": 7})
    assert read_metadata(tmp_path / "m.parquet") == {"made_from": "abc", "seed": 7, "format": 2}
    assert read_metadata(tmp_path / "gone.parquet") == {}
    pq.write_table(pa.table({"a": [1]}), tmp_path / "plain.parquet")
    assert read_metadata(tmp_path / "plain.parquet") == {}


def test_a_string_that_looks_like_json_stays_a_string(tmp_path):
    write_masks(tmp_path / "m.parquet", [mask()], {"made_from": "123456", "code_version": "1e5", "name": "true"})
    found = read_metadata(tmp_path / "m.parquet")
    assert found == {"made_from": "123456", "code_version": "1e5", "name": "true", "format": 2}


@pytest.mark.parametrize("version", [None, FORMAT - 1, FORMAT + 1])
def test_a_file_of_another_version_is_refused_with_what_to_do(tmp_path, version):
    path = tmp_path / "m.parquet"
    write_masks(path, [mask()], {})
    found = pq.read_table(path)
    metadata = {} if version is None else {"format": str(version)}
    pq.write_table(found.replace_schema_metadata(metadata), path)
    with pytest.raises(UserError, match=r"m\.parquet is of another version .*move the folder results/<run> away"):
        read_masks(path)


def test_counts_with_padding_stand_beside_the_others():
    values = {("encoder", 0): {"count": np.array([3, 1]), "count_all": np.array([5, 1]), "sum": np.array([0.5, 2.0])}}
    over = {"counted_positions": {"encoder": 9}, "counted_positions_all": {"encoder": 12}}
    found = Activations("en-de", values, {"pair": "en-de", **over})
    assert found.counting("real") == found
    padded = found.counting("all")
    assert padded.counts["encoder", 0].tolist() == [5, 1]
    assert padded.values["encoder", 0]["sum"].tolist() == [0.5, 2.0]
    assert (found.positions, padded.positions) == ({"encoder": 9}, {"encoder": 12})


def test_digest_of_counts_is_of_what_was_counted_alone():
    one = Activations("en-de", columns(COUNTS), {"checkpoint": "a"})
    assert one.digest() == Activations("en-de", columns(dict(reversed(COUNTS.items()))), {"checkpoint": "b"}).digest()
    other = COUNTS | {("encoder", 10): np.array([4], dtype=np.int64)}
    assert one.digest() != Activations("en-de", columns(other), {}).digest()


def test_digest_of_segments_is_of_the_numbers_alone():
    segments = {("raw", "BLEU"): np.ones((2, 3)), ("raw", "chrF2++"): np.zeros((2, 1))}
    assert segments_digest(segments) == segments_digest(dict(reversed(segments.items())))
    assert segments_digest(segments) != segments_digest(segments | {("raw", "BLEU"): np.ones((3, 2))})
    assert segments_digest(segments) != segments_digest({("raw", "BLEU"): np.ones((2, 3))})
