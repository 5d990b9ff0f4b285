"""The record command: counts by its own definition, several directions, what is current, what is refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from tests.conftest import CODES
from workflow_scripts.artifacts import read_activations
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import datasets, recorder
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.layers.specialized_ffn import ffn_layers


@pytest.fixture
def record(tiny_run, command, tmp_path):
    """`record(pairs, option, …)` runs the command on directions; files go to the test's folder."""

    def run(pairs, *options, model=tiny_run.checkpoint):
        files = ("--data", tiny_run.manifest, "--checkpoint", model, "--output", tmp_path)
        return command("record", *files, "--pairs", ",".join(pairs), "--device", "cpu", *options)

    return run


def by_hand(tiny_run, pair: str) -> dict:
    """One sentence at a time, so that nothing is padding; active is above zero after the ReLU."""
    manifest = read_manifest(tiny_run.manifest)
    model, dictionary, _ = transformer.load_model(tiny_run.checkpoint, manifest)
    dataset = datasets.load_direction(manifest.folders("valid"), "valid", Direction.parse(pair), dictionary)
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
    def counts(*options):
        record(["en-qa"], *options).ok()
        found = read_activations(tmp_path / "en-qa.parquet")
        found = [found.counting(positions) for positions in ("real", "all")]
        return [(np.concatenate([each.counts[key] for key in sorted(each.counts)]), each.positions) for each in found]

    (small, positions), _ = counts("--max-tokens", 60)
    (large, same), (padded, more) = counts("--max-tokens", 2000)
    assert np.abs(small - large).sum() <= 2
    assert positions == same
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
    record(pairs, "--max-tokens", 900).ok()
    assert read_activations(tmp_path / "en-qa.parquet").metadata["max_tokens"] == 900


def test_training_text_is_that_of_all_shards(tiny_run, record, command, tmp_path):
    databin = tmp_path / "databin"
    for shard in ("shard0", "shard1"):
        shutil.copytree(tiny_run.manifest.parent / "bin", databin / shard)
    data = tmp_path / "sharded.json"
    command(
        *("link_databin", "--folder", databin, "--pairs", "en-qa,en-qe,en-xi", "--codes", ",".join(CODES)),
        *("--tokenization", "none", "--output", data),
    ).ok()
    found = {}
    for name, options in {"one": (), "two": ("--data", data)}.items():
        record(["qa-en"], "--split", "train", *options).ok()
        found[name] = read_activations(tmp_path / "qa-en.parquet")
    one, two = (found[name].metadata["counted_positions"] for name in found)
    assert two == {side: 2 * count for side, count in one.items()}
    for key, counts in found["one"].counts.items():
        assert np.abs(found["two"].counts[key] - 2 * counts).sum() <= 4
    # Validation text is that of the first shard.
    for options in ((), ("--data", data)):
        record(["qa-en"], *options).ok()
        found[options] = read_activations(tmp_path / "qa-en.parquet").metadata["counted_positions"]
    assert found[()] == found["--data", data]


def test_text_of_another_split_or_vocabulary_is_counted_anew(tiny_run, record, tmp_path):
    def made(*options):
        record(["en-qa"], *options).ok()
        return read_activations(tmp_path / "en-qa.parquet").metadata

    content = json.loads(tiny_run.manifest.read_text(encoding="utf-8"))
    folder = tiny_run.manifest.parent
    content |= {"shards": [str(folder / "bin")], "dictionary": str(folder / content["dictionary"])}

    def changed(name, **changes):
        (tmp_path / name).write_text(json.dumps(content | changes))
        return "--data", tmp_path / name

    first = made()
    # Place, settings and training text decide nothing here.
    train = {**content["splits"], "train": dict.fromkeys(content["splits"]["train"], "0")}
    assert made(*changed("same.json", settings={}, splits=train))["made_from"] == first["made_from"]
    valid = {**content["splits"], "valid": dict.fromkeys(content["splits"]["valid"], "0")}
    assert made(*changed("other.json", splits=valid))["made_from"] != first["made_from"]
    assert made(*changed("words.json", dictionary_sha256="0"))["made_from"] != first["made_from"]


def test_a_test_set_is_counted_on_with_a_warning(tiny_run, record, tmp_path):
    assert "needs --test-set" in record(["en-qa"], "--split", "test").err
    done = record(["en-qa"], "--split", "test", "--test-set", tiny_run.test_set).ok()
    assert "WARNING: activations are counted on test text" in done.out
    assert "WARNING" not in record(["qa-en"]).ok().out
    tests, valid = (read_activations(tmp_path / f"{pair}.parquet").metadata for pair in ("en-qa", "qa-en"))
    assert tests["counted_positions"] != valid["counted_positions"]


def test_models_without_relu_are_refused(tiny_run):
    model, dictionary, _ = transformer.load_model(tiny_run.checkpoint, read_manifest(tiny_run.manifest))
    model.decoder.layers[1].activation_fn = torch.nn.functional.gelu
    with pytest.raises(UserError, match="activations are counted in ReLU layers, this model uses gelu"):
        recorder.record(model, [], dictionary.pad())


def test_the_same_weights_in_another_file_are_the_same(tiny_run, record, tmp_path):
    content = torch.load(tiny_run.checkpoint, weights_only=True)
    record(["en-qa"]).ok()
    torch.save({**content, "optimizer_history": content["optimizer_history"] * 2}, tmp_path / "again.pt")
    assert "all current" in record(["en-qa"], model=tmp_path / "again.pt").ok().out


def test_refusals(record, tmp_path):
    gone = record(["en-qa"], model=tmp_path / "gone.pt")
    assert (gone.code, gone.err) == (2, f"error: checkpoint {tmp_path / 'gone.pt'} does not exist\n")
    small = record(["en-qa"], "--max-tokens", 3)
    assert small.code == 2
    assert "max_tokens is 3, but there is a line of" in small.err
    unknown = record(["qa-qe"])
    assert unknown.code == 2
    assert "no valid text of direction qa-qe" in unknown.err
    assert not (tmp_path / "qa-qe.parquet").exists()
