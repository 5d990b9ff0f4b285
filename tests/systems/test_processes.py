"""Each kind of system, trained by two processes, ends with the weights that one process gives."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import DIRECTIONS, TRAINING
from workflow_scripts.artifacts import Mask, write_masks
from workflow_scripts.cluster.launch import command
from workflow_scripts.formats.checkpoint import read_raw, weights
from workflow_scripts.layers.own_names import is_own
from workflow_scripts.training import work_folder

UPDATES = 5
CALM = TRAINING | {"dropout": 0, "attention_dropout": 0, "max_update": UPDATES, "validate_every": UPDATES}
"""Two micro-batches an update: both of one process, or one of each of two."""


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    random, path = np.random.default_rng(4), tmp_path / "ns.parquet"
    rows = [
        Mask(pair, component, layer, 48, np.sort(random.choice(48, 30, replace=False)).astype(np.int32), None, 0.5)
        for pair in DIRECTIONS
        for component in ("encoder", "decoder")
        for layer in range(2)
    ]
    write_masks(path, rows, {})
    return path


def steps(raw: dict) -> dict[str, int]:
    """How often Adam has stepped each weight, by its name."""
    buffers = ("version", "_float_tensor", "output_projection.weight")
    names = [name for name in raw["model"] if not name.endswith(buffers)]
    state, used = raw["last_optimizer_state"], weights(raw["model"])
    # Own parameters of a frozen model are all that it is told of.
    names = list(filter(is_own, names)) or names
    assert len(names) == len(state["param_groups"][0]["params"])
    found = {names[index]: int(one["step"]) for index, one in state["state"].items()}
    return {name: count for name, count in found.items() if name in used}


@pytest.mark.parametrize("kind", ["dense", "masks", "lora"])
def test_two_processes_train_a_kind_as_one(tiny_run, called, extended, masks, tmp_path, kind):
    options = {"masks": ("--masks", masks), "lora": ("--settings", '{"lora": {"rank": 2}}')}.get(kind, ())
    one, both = tmp_path / "one/run", tmp_path / "both"
    called(
        *("train", "--name", kind, "--data", tiny_run.manifest, "--pairs", ",".join(DIRECTIONS), "--kind", kind),
        *("--start", tiny_run.checkpoint, "--training", json.dumps(CALM), "--work", one, *options),
        *("--output", tmp_path / "one/checkpoint.pt"),
    ).ok()
    job = json.loads((one / "job.json").read_text(encoding="utf-8"))
    words = [
        word.replace(str(one), str(both)).replace("--update-freq=2", "--update-freq=1") for word in job["arguments"]
    ]
    both.mkdir()
    job |= {"arguments": words, "folder": str(both), "log": str(both / "fairseq.log")}
    (both / "job.json").write_text(json.dumps(job), encoding="utf-8")
    launched = command(["workflow_scripts.fairseq_plugin.training", str(both / "job.json")], 2, 1, None)
    done = subprocess.run(launched, cwd=extended, check=False, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr[-3000:]
    ours, theirs = (read_raw(folder / work_folder.LAST) for folder in (one, both))
    assert ours["model"].keys() == theirs["model"].keys()
    for name in weights(ours["model"]):
        torch.testing.assert_close(ours["model"][name], theirs["model"][name], atol=2e-4, rtol=1e-3, msg=name)
    found = steps(ours)
    assert found == steps(theirs)
    own = {name: count for name, count in found.items() if is_own(name)}
    if kind == "lora":
        assert own == found
        # Two matrices at 4 and at 6 places of a layer, of two each, and two directions an update at most.
        assert 0 < sum(own.values()) <= 2 * 2 * (4 + 6) * 2 * UPDATES
        assert max(own.values()) < UPDATES
    else:
        assert not own
        assert set(found.values()) == {UPDATES}
