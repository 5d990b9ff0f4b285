"""Masks without training: the baseline's weights under masks, wherever the system is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import CODES, DIRECTIONS, ROOT, TinyRun
from workflow_scripts.artifacts import Mask, read_translations, write_masks
from workflow_scripts.batch import FORMAT
from workflow_scripts.configuration import complete
from workflow_scripts.files import write_json
from workflow_scripts.made_run import MadeRun

MASKS = {"select": "cumulative", "k": 95}
PAIR = "en-qa"


@pytest.fixture
def run(tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadeRun:
    """A run with masks without training, the same masks with the baseline as a trained checkpoint, and the baseline."""
    results = tmp_path / "results/tiny"
    results.mkdir(parents=True)
    (results / "data").symlink_to(tiny_run.folder / "data")
    (results / "baseline").symlink_to(tiny_run.folder / "baseline")
    random = np.random.default_rng(1)
    masks = [
        Mask(pair, component, layer, 48, np.flatnonzero(random.random(48) < 0.5).astype(np.int32), None, 0.9)
        for pair in DIRECTIONS
        for component in ("encoder", "decoder")
        for layer in range(2)
    ]
    for name in ("untrained", "trained"):
        write_masks(results / f"masks/{name}.parquet", masks, {"system": name})
    (results / "systems/trained").mkdir(parents=True)
    shutil.copyfile(tiny_run.checkpoint, results / "systems/trained/checkpoint.pt")
    # Left from a time when this system was trained.
    (results / "systems/untrained").mkdir()
    (results / "systems/untrained/checkpoint.pt").write_bytes(b"older")
    systems = {
        "baseline": {},
        "untrained": {"masks": MASKS, "training": {"max_update": 0}},
        "trained": {"masks": MASKS},
    }
    given = {"run": "tiny", "languages": {"table": "", "codes": CODES}, "systems": systems}
    given |= {"decode": {"engine": "ctranslate2", "beam": 2, "max_length": 40}}
    config = complete(given, ROOT / "config/schema.yaml")
    write_json(results / "configuration.json", {"format": FORMAT, "configuration": config})
    monkeypatch.chdir(tmp_path)
    return MadeRun.read("tiny")


def test_its_translations_are_those_of_the_baseline_under_its_masks(run, tiny_run, command, tmp_path):
    rows = {}
    for name, system in run.systems.items():
        masks = ("--masks", *system.masks) if system.masks else ()
        command(
            *("decode", "--system", name, "--data", run.paths.manifest, "--test-set", tiny_run.test_set),
            *("--checkpoint", system.checkpoint, "--kind", system.kind_name, *masks, "--engine", "ctranslate2"),
            *("--beam", 2, "--max-length", 40, "--pairs", PAIR, "--output", run.paths.translations(name)),
        ).ok()
        rows[name] = read_translations(run.paths.translation(name, "test", PAIR)[0])[0]
    assert rows["untrained"] == rows["trained"]
    assert rows["untrained"] != rows["baseline"]
    # So does `translate`, of the same text.
    source = run.paths.translation("untrained", "test", PAIR)[3]
    found = command("translate", "--run", "tiny", "--systems", "untrained,trained", "--pair", PAIR, source).ok().out
    lines = [line.split("\t")[3:] for line in found.splitlines()]
    assert lines[0] == ["untrained", "untrained.score", "trained", "trained.score"]
    assert [line[:2] for line in lines[1:]] == [line[2:] for line in lines[1:]]


def test_its_export_is_the_baselines_under_its_masks(run, command, tmp_path):
    states = []
    for name in ("untrained", "trained"):
        options = ("--run", "tiny", "--pair", PAIR, "--format", "fairseq", "--output", tmp_path / name)
        command("export", "--system", name, *options).ok()
        states.append(torch.load(tmp_path / name / "fairseq/checkpoint.pt", weights_only=True)["model"])
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items() if "_float" not in name)
