"""Single neurons switched off: the loss does what it does under masks, and `effect` foresees it."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
import torch

from tests.conftest import CODES, MODEL, ROOT
from workflow_scripts.batch import FORMAT
from workflow_scripts.configuration import complete
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.direction import Direction
from workflow_scripts.fairseq_plugin import datasets, switch_offs
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.files import write_json
from workflow_scripts.layers.specialized_ffn import ffn_layers


@pytest.fixture(scope="module")
def folder(tiny_run, tmp_path_factory):
    """A working folder with a run that has a baseline."""
    working = tmp_path_factory.mktemp("working")
    results = working / "results/tiny"
    shutil.copytree(tiny_run.folder / "data", results / "data")
    enough = {"max_update": 150, "validate_every": 150}
    tiny_run.train(results / "baseline", "--model", json.dumps(MODEL), name="baseline", **enough).ok()
    config = {"run": "tiny", "languages": {"table": "", "codes": CODES}, "systems": {"baseline": {}}}
    config = complete(config, ROOT / "config/schema.yaml")
    write_json(results / "configuration.json", {"format": FORMAT, "configuration": config})
    return working


def test_the_change_is_that_of_a_model_without_the_neurons_row(folder, tiny_run):
    """By its definition: a mask sets a row of W1 to zero and leaves the bias."""
    manifest = read_manifest(folder / "results/tiny/data/manifest.json")
    checkpoint = folder / "results/tiny/baseline/checkpoint.pt"
    model, dictionary, _ = transformer.load_model(checkpoint, manifest)
    dataset = datasets.load_direction(manifest.folders("valid"), "valid", Direction.parse("en-qa"), dictionary)
    batches, padding = [datasets.collate(dataset, [0, 1, 2]), datasets.collate(dataset, [3])], dictionary.pad()
    neurons = [(("encoder", 0), 5), (("encoder", 1), 0), (("decoder", 1), 47)]
    told = []
    found = switch_offs.changes(model, batches, padding, neurons, told.append)
    assert told == [1, 2, 3]
    whole = switch_offs.loss(model, batches, padding)
    for (key, number), change in zip(neurons, found, strict=True):
        other, _, _ = transformer.load_model(checkpoint, manifest)
        with torch.no_grad():
            ffn_layers(other)[key].fc1.weight[number] = 0
        assert switch_offs.loss(other, batches, padding) - whole == pytest.approx(change, abs=1e-4)
    assert switch_offs.loss(model, batches, padding) == whole, "nothing stays switched off"
    alone = sum(switch_offs.loss(model, [datasets.collate(dataset, [line])], padding) for line in range(4))
    assert whole == pytest.approx(alone, rel=1e-5), "padding counts for nothing"


def test_effect_foresees_it(folder, command, monkeypatch):
    monkeypatch.chdir(folder)
    said = command("switch_offs", "--run", "tiny", "--pair", "en-qa", "--neurons", 12).ok().out
    frame = pd.read_csv("results/tiny/tables/switch-offs-en-qa.csv")
    assert list(frame) == ["component", "layer", "neuron", "effect", "change"]
    assert frame.groupby(["component", "layer"]).size().tolist() == [12] * 4
    pearson, spearman = (frame["effect"].corr(frame["change"], method=name) for name in ("pearson", "spearman"))
    assert pearson > 0.8
    assert f"all layers: Pearson {pearson:.3f}, Spearman {spearman:.3f} of 48 neurons" in said
    assert said.count("[switch-offs] en-qa, ") == 5
    before = frame.to_csv()
    command("switch_offs", "--run", "tiny", "--pair", "en-qa", "--neurons", 12).ok()
    assert pd.read_csv("results/tiny/tables/switch-offs-en-qa.csv").to_csv() == before
    command("switch_offs", "--run", "tiny", "--pair", "en-qa", "--neurons", 2, "--lines", 3, "--output", "x.csv").ok()
    assert len(pd.read_csv("x.csv")) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run", "tiny", "--pair", "qa-qe"), "qa-qe is not a direction of run tiny; it has"),
        (("--run", "other", "--pair", "en-qa"), "there is no run other in"),
        (("--run", "tiny", "--pair", "en-qa", "--neurons", 0), "--neurons: at least 1"),
    ],
)
def test_refusals(folder, command, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    refused = command("switch_offs", *arguments)
    assert refused.code == 2
    assert message in refused.err
