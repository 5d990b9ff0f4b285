"""Scale, bias, LoRA and adapters in training: what moves, what stays, and that an interruption leaves no trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import TinyRun
from workflow_scripts.artifacts import read_translations
from workflow_scripts.fairseq_plugin import arguments, training
from workflow_scripts.formats import checkpoint
from workflow_scripts.layers.own_names import is_own, own_parameters, owners_of
from workflow_scripts.systems.variant import Variant
from workflow_scripts.training import provenance, work_folder

from fairseq import checkpoint_utils, tasks, utils  # isort: skip
from fairseq.trainer import Trainer  # isort: skip

LORA = {"lora": {"per": "target", "rank": 2}}
SETTINGS = [
    {"scale": {}},
    {"bias": {"per": "family", "families": {"en": "x", "qa": "y", "qe": "y", "xi": "x"}}},
    LORA,
    {"adapters": {"per": {"encoder": "source", "decoder": "target"}, "bottleneck": 4}},
    {"lora": {"base": "trained"}},
]
BUFFERS = ("_float_tensor", "version")


@pytest.fixture
def trainer(tiny_run: TinyRun, tmp_path: Path) -> Callable[..., Trainer]:
    """`trainer(settings)`: fairseq's trainer at the start of a system's training, or where a checkpoint left it."""

    def make(settings: dict[str, Any], last: Path | None = None) -> Trainer:
        system = arguments.system(Variant.of(None, None, settings))
        cfg = training.settings(tiny_run.job(tmp_path, *system, lr=0.01, warmup=1))
        utils.set_torch_seed(cfg.common.seed)
        task = tasks.setup_task(cfg.task)
        made = Trainer(cfg, task, task.build_model(cfg.model), task.build_criterion(cfg.criterion))
        _, made.epoch = checkpoint_utils.load_checkpoint(cfg.checkpoint, made)
        made.batches = {batch["direction"]: batch for batch in made.epoch.next_epoch_itr(shuffle=False)}
        if last:
            made.load_checkpoint(str(last))
        made.begin_epoch(1)
        return made

    return make


def weights(made: Trainer) -> dict[str, torch.Tensor]:
    state = made.model.state_dict()
    return {name: tensor.clone() for name, tensor in state.items() if not name.endswith(BUFFERS)}


def update(made: Trainer, pairs: Iterable[str]) -> None:
    made.train_step([made.batches[pair] for pair in pairs])


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_what_moves_and_what_stays_and_a_new_start_goes_on_exactly(tiny_run, trainer, tmp_path, settings):
    made = trainer(settings)
    start = checkpoint.read_checkpoint(tiny_run.checkpoint).state
    first, (frozen,) = weights(made), (one.get("base") != "trained" for one in settings.values())
    for name, tensor in first.items():
        assert is_own(name) or torch.equal(tensor, start[name])
    trained = {id(one) for group in made.optimizer.optimizer.param_groups for one in group["params"]}
    own = own_parameters(made.model)
    mine = {id(one) for some in own.values() for one in some}
    assert trained >= mine
    assert (trained == mine) is frozen
    pairs = ["en-qa", "qe-en"]
    for _ in range(2):
        update(made, pairs)
    owners = {owner for pair in pairs for owner in made.task.effect.owners(pair)}
    changed = {name for name, tensor in weights(made).items() if not torch.equal(tensor, first[name])}
    assert {owner for name in changed for owner in owners_of([name])} == owners
    assert all(map(is_own, changed)) is frozen
    assert owners < set(own)
    made.consolidate_optimizer()
    made.save_checkpoint(str(tmp_path / "last.pt"), {"train_iterator": made.epoch.state_dict(), "val_loss": None})
    again = trainer(settings, tmp_path / "last.pt")
    for one in (made, again):
        update(one, ["qe-en", "en-xi"])
    for name, tensor in weights(made).items():
        assert torch.equal(tensor, weights(again)[name]), name


@pytest.fixture(scope="module")
def trained(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of LoRA trained for six updates by the pipeline's own command."""
    folder = tmp_path_factory.mktemp("lora")
    train(tiny_run, folder, 6)
    return folder


def train(tiny_run: TinyRun, folder: Path, updates: int) -> str:
    system = ("--start", tiny_run.checkpoint, "--kind", "lora", "--settings", json.dumps(LORA))
    found = tiny_run.train(folder, *system, name="lora", lr=0.05, max_update=updates, validate_every=2)
    return found.ok().out


def test_the_checkpoint_is_small_and_says_where_the_rest_is(tiny_run, trained):
    path = trained / "checkpoint.pt"
    kept, carried = checkpoint.read_raw(path)["model"], provenance.read(path)
    assert set(owners_of(kept)) == {f"target:{code}" for code in ("en", "qa", "qe", "xi")}
    assert all(map(is_own, kept))
    assert (path.parent / carried["base"]["path"]).resolve() == tiny_run.checkpoint.resolve()
    whole, start = (checkpoint.read_checkpoint(one).state for one in (path, tiny_run.checkpoint))
    assert whole.keys() - start.keys() == kept.keys()
    assert all(torch.equal(tensor, whole[name]) for name, tensor in start.items() if not name.endswith(BUFFERS))
    # The work folder's own is whole, and its frozen weights are what they were.
    last = checkpoint.read_raw(trained / "run" / work_folder.LAST)["model"]
    assert all(torch.equal(tensor, last[name]) for name, tensor in start.items() if not name.endswith(BUFFERS))


def test_killed_after_a_checkpoint_it_ends_as_an_undisturbed_one(tiny_run, trained, tmp_path):
    """What a kill leaves: the last checkpoint, and half of the next."""
    train(tiny_run, tmp_path, 2)
    (tmp_path / "checkpoint.pt").unlink()
    (tmp_path / "run" / work_folder.TEMPORARY).write_bytes(b"half")
    assert "goes on after update 2" in train(tiny_run, tmp_path, 6)
    ours, theirs = (provenance.read(folder / "checkpoint.pt") for folder in (tmp_path, trained))
    assert ours["weights_sha256"] == theirs["weights_sha256"]
    assert ours["validations"] == theirs["validations"]


def test_engines_agree_on_what_was_trained(tiny_run, trained, command, tmp_path):
    files = ("--data", tiny_run.manifest, "--checkpoint", trained / "checkpoint.pt")
    system = ("--system", "lora", "--settings", json.dumps(LORA))
    found = {}
    for engine in ("fairseq", "ctranslate2"):
        options = ("--test-set", tiny_run.test_set, "--pairs", "en-qa", "--max-length", 40, "--device", "cpu")
        command("decode", *files, *system, *options, "--engine", engine, "--output", tmp_path / engine).ok()
        rows, metadata = read_translations(tmp_path / engine / "en-qa.parquet")
        found[engine] = [row["hypothesis"] for row in rows]
    assert found["fairseq"] == found["ctranslate2"]
    assert metadata["own"]["lora"]["lora"]["rank"] == 2
    export = ("--format", "fairseq", "--output", tmp_path / "export")
    command("export", *files, *system, "--pair", "en-qa", *export).ok()
    state = checkpoint.read_raw(tmp_path / "export/fairseq/checkpoint.pt")["model"]
    assert not owners_of(state)
    other = ("--system", "lora", "--settings", json.dumps({"lora": {"per": "target", "rank": 3}}))
    refused = command("export", *files, *other, "--pair", "en-qa", *export)
    assert "decode it as it was trained" in refused.err
