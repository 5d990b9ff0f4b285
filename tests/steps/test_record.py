"""The record command: counts by its own definition, several directions, what is current, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workflow_scripts.artifacts import read_activations
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.fairseq_plugin import datasets
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.layers.specialized_ffn import ffn_layers


@pytest.fixture
def record(tiny_run, command, tmp_path):
    """`record(pairs, option, …)` runs the command on directions; files go to the test's folder."""

    def run(pairs, *options, model=tiny_run.checkpoint):
        files = [tmp_path / f"{pair}.parquet" for pair in pairs]
        return command(
            "record", "--data", tiny_run.manifest, "--checkpoint", model, "--device", "cpu", *options, *files
        )

    return run


def by_hand(tiny_run, pair: str) -> dict:
    """One sentence at a time, so that nothing is padding; active is above zero after the ReLU."""
    manifest = read_manifest(tiny_run.manifest)
    model, dictionary, _ = transformer.load_model(tiny_run.checkpoint, manifest)
    dataset = datasets.load_direction(manifest, "valid", pair, dictionary)
    counts = {key: np.zeros(48, dtype=np.int64) for key in ffn_layers(model)}
    for key, layer in ffn_layers(model).items():

        def count(_, inputs, key=key) -> None:
            counts[key] += (inputs[0] > 0).flatten(0, 1).sum(0).numpy()

        layer.fc2.register_forward_pre_hook(count)
    with torch.no_grad():
        for line in range(len(dataset)):
            model(**datasets.collate(dataset, [line])["net_input"])
    return counts


def test_real_positions_are_those_of_sentences_one_by_one(tiny_run, record, tmp_path):
    record(["en-qa", "xi-en"], "--max-tokens", 300).ok()
    for pair in ("en-qa", "xi-en"):
        found, expected = read_activations(tmp_path / f"{pair}.parquet").counts, by_hand(tiny_run, pair)
        assert found.keys() == expected.keys()
        # Another batch may round a value around zero to its other side.
        assert sum(int(np.abs(found[key] - expected[key]).sum()) for key in found) <= 2


def test_batches_matter_only_where_padding_counts(record, tmp_path):
    def counts(name, *options):
        record(["en-qa"], *options).ok()
        found = read_activations(tmp_path / "en-qa.parquet")
        return np.concatenate([found.counts[key] for key in sorted(found.counts)]), found.metadata["counted_positions"]

    small, positions = counts("small", "--max-tokens", 60)
    large, same = counts("large", "--max-tokens", 2000)
    assert np.abs(small - large).sum() <= 2
    assert positions == same
    padded, more = counts("padded", "--max-tokens", 2000, "--positions", "all")
    assert more["encoder"] > positions["encoder"]
    assert padded.sum() > large.sum()


def test_what_is_current_is_left_and_what_is_missing_is_recorded(record, tmp_path):
    pairs = ["en-qa", "qa-en"]
    record(pairs).ok()
    before = {pair: (tmp_path / f"{pair}.parquet").read_bytes() for pair in pairs}
    assert "2/2 directions · all current" in record(pairs).ok().out
    (tmp_path / "qa-en.parquet").unlink()
    assert "2/2 directions · qa-en" in record(pairs).ok().out
    assert (tmp_path / "en-qa.parquet").read_bytes() == before["en-qa"]
    assert read_activations(tmp_path / "qa-en.parquet").pair == "qa-en"
    record(pairs, "--positions", "all").ok()
    assert read_activations(tmp_path / "en-qa.parquet").metadata["positions"] == "all"


def test_refusals(record, tmp_path):
    gone = record(["en-qa"], model=tmp_path / "gone.pt")
    assert (gone.code, gone.err) == (2, f"error: {tmp_path / 'gone.pt'} does not exist\n")
    small = record(["en-qa"], "--max-tokens", 3)
    assert small.code == 2
    assert "max_tokens is 3, but there is a line of" in small.err
    unknown = record(["qa-qe"])
    assert unknown.code == 2
    assert "no valid text of direction qa-qe" in unknown.err
    assert not (tmp_path / "qa-qe.parquet").exists()
