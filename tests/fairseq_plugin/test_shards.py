"""Data in several unequal shards: how often a direction is seen does not depend on when training was interrupted."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.conftest import CODES, MODEL, TinyRun
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.fairseq_plugin.databin_writer import load_dictionary, write_data
from workflow_scripts.formats import checkpoint

from fairseq.data import data_utils  # isort: skip

# Shares of a direction's lines in each of three shards, cut after these; languages are cut differently.
CUTS = {"qa": (0.6, 0.7), "qe": (0.1, 0.8), "xi": (0.3, 0.35)}


@pytest.fixture(scope="module")
def sharded(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """The tiny run's data in three shards."""
    folder = tmp_path_factory.mktemp("sharded")
    manifest = read_manifest(tiny_run.manifest)
    (whole,) = manifest.shards
    dictionary = load_dictionary(manifest.dictionary)
    shards = [folder / f"shard{number}" for number in range(3)]
    for shard in shards:
        shard.mkdir()
        for language in CODES:
            (shard / f"dict.{language}.txt").write_bytes(manifest.dictionary.read_bytes())
    for path in whole.glob("valid.*"):
        (shards[0] / path.name).write_bytes(path.read_bytes())
    for language, cuts in CUTS.items():
        pair = f"en-{language}"
        sides = [
            data_utils.load_indexed_dataset(str(whole / f"train.{pair}.{code}"), None) for code in ("en", language)
        ]
        lines = [[dictionary.string(side[row]).split() for side in sides] for row in range(len(sides[0]))]
        ends = [0, *(round(cut * len(lines)) for cut in cuts), len(lines)]
        for shard, start, end in zip(shards, ends, ends[1:], strict=False):
            write_data([shard / f"train.{pair}.{code}" for code in ("en", language)], lines[start:end], dictionary)
    content = manifest.content | {"shards": [str(shard) for shard in shards], "dictionary": str(manifest.dictionary)}
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    return replace(tiny_run, folder=folder, manifest=folder / "manifest.json")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoint.weights(checkpoint.read_raw(folder / "checkpoint.pt")["model"])


@pytest.mark.parametrize("name", ["baseline", "ns"])
def test_resumed_in_the_middle_of_several_shards_it_ends_with_the_same_weights(name, sharded, tmp_path):
    """fairseq guesses the sizes of shards that a process has not loaded itself."""
    arguments = ("--model", json.dumps(MODEL)) if name == "baseline" else ("--start", sharded.checkpoint)
    settings = {"max_update": 24, "validate_every": 24, "max_tokens": 1200, "tokens_per_update": 2400}
    sharded.train(tmp_path / "through", *arguments, name=name, **settings).ok()
    sharded.train(tmp_path / "resumed", *arguments, name=name, **settings | {"max_update": 14}).ok()
    sharded.train(tmp_path / "resumed", *arguments, name=name, **settings).ok()
    # Interrupted in an epoch after the first: the shard that is loaded again is not the first one.
    logs = [(tmp_path / name / "run/fairseq.log").read_text(encoding="utf-8") for name in ("through", "resumed")]
    assert "begin training epoch 3" in logs[0]
    assert re.search(r"Loaded checkpoint .*checkpoint_last\.pt \(epoch [23] @ 14 updates\)", logs[1])
    one, two = weights(tmp_path / "through"), weights(tmp_path / "resumed")
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_all_shards_are_known_from_the_start(sharded, tmp_path):
    sharded.train(tmp_path, "--model", json.dumps(MODEL), name="baseline", max_update=2, validate_every=2).ok()
    log = (tmp_path / "run/fairseq.log").read_text(encoding="utf-8")
    line = next(line for line in log.splitlines() if "total data sizes of all shards" in line)
    manifest = read_manifest(sharded.manifest)
    for language in CUTS:
        pair = f"en-{language}"
        sizes = [
            len(data_utils.load_indexed_dataset(str(shard / f"train.{pair}.en"), None)) for shard in manifest.shards
        ]
        assert f"'main:{pair}', {sum(sizes)}" in line
