"""Training through the command: interrupted or not, the same bits; what is kept; when it starts anew."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import DIRECTIONS, MODEL, TRAINING, Result, TinyRun, call
from workflow_scripts.artifacts import Mask, masks_digest, read_masks, write_masks
from workflow_scripts.batch import FORMAT
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.formats import checkpoint
from workflow_scripts.training import provenance
from workflow_scripts.training.course import PROCESSES

LAYERS = [(component, layer) for component in ("encoder", "decoder") for layer in range(2)]


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masks under which neurons 40 to 47 belong to no direction."""
    random, path = np.random.default_rng(4), tmp_path_factory.mktemp("masks") / "ns.parquet"
    rows = [
        Mask(pair, *layer, 48, np.sort(random.choice(40, 30, replace=False)).astype(np.int32), None, 0.5)
        for pair in DIRECTIONS
        for layer in LAYERS
    ]
    write_masks(path, rows, {})
    return path


@pytest.fixture(scope="module")
def specialized(tiny_run: TinyRun, masks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six updates from the baseline under masks, without interruption."""
    folder = tmp_path_factory.mktemp("specialized")
    tiny_run.train(folder, "--start", tiny_run.checkpoint, "--masks", masks, **SIX).ok()
    return folder


SIX = {"max_update": 6, "validate_every": 2}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoint.weights(checkpoint.read_raw(folder / "checkpoint.pt")["model"])


def made(folder: Path) -> dict[str, object]:
    return provenance.read(folder / "checkpoint.pt")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def published(folder: Path) -> str:
    """All that is in a published checkpoint but for the folder it was trained in; of its weights the digest."""
    raw = checkpoint.read_raw(folder / "checkpoint.pt")
    return repr(raw | {"model": checkpoint.weights_digest(raw["model"])}).replace(str(folder), "FOLDER")


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "training.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def validated(folder: Path) -> dict[int, str]:
    return {int(row["update"]): row["loss"] for row in curve(folder) if row["split"] == "valid"}


def test_interrupted_training_ends_with_the_same_bits(tiny_run, masks, specialized, tmp_path):
    """Six updates, in three goes: at a validation, and between two (where accumulated micro-batches are open)."""
    options = ("--start", tiny_run.checkpoint, "--masks", masks)
    for last in (2, 5):
        tiny_run.train(tmp_path, *options, **SIX | {"max_update": last}).ok()
        assert made(tmp_path)["updates"] == last
        assert list(validated(tmp_path)) == ([2] if last == 2 else [2, 4, 5])
    result = tiny_run.train(tmp_path, *options, **SIX).ok()
    assert "anew" not in result.out
    assert validated(tmp_path) == validated(specialized)
    # Not the weights alone: nothing in what is published tells one from the other.
    assert published(tmp_path) == published(specialized)


def test_a_finished_training_is_not_repeated(tiny_run, masks, specialized):
    before = weights(specialized)
    (specialized / "checkpoint.pt").unlink()
    log = (specialized / "run/fairseq.log").read_text()
    tiny_run.train(specialized, "--start", tiny_run.checkpoint, "--masks", masks, **SIX).ok()
    assert same(weights(specialized), before)
    assert "begin training epoch" not in (specialized / "run/fairseq.log").read_text()[len(log) :]


def test_other_settings_start_anew(tiny_run, masks, specialized, tmp_path):
    options = ("--start", tiny_run.checkpoint, "--masks", masks)
    tiny_run.train(tmp_path, *options, **SIX | {"lr": 0.05, "max_update": 2}).ok()
    other = weights(tmp_path)
    result = tiny_run.train(tmp_path, *options, **SIX).ok()
    assert "[ns] the settings have changed (training.lr), so training starts anew" in result.out
    assert same(weights(tmp_path), weights(specialized))
    assert not same(weights(tmp_path), other)
    assert validated(tmp_path) == validated(specialized)


def test_fewer_updates_than_were_made_start_anew(tiny_run, masks, specialized, tmp_path):
    options = ("--start", tiny_run.checkpoint, "--masks", masks)
    tiny_run.train(tmp_path, *options, **SIX | {"max_update": 8}).ok()
    result = tiny_run.train(tmp_path, *options, **SIX).ok()
    assert "[ns] update 8 was reached and only 6 are asked for, so training starts anew" in result.out
    assert same(weights(tmp_path), weights(specialized))


def test_only_what_a_direction_keeps_is_learnt(tiny_run, masks, specialized):
    """Rows of fc1 in no mask get no gradient; everything else is trainable, their constant part included."""
    start = checkpoint.read_checkpoint(tiny_run.checkpoint).state
    ours = checkpoint.read_checkpoint(specialized / "checkpoint.pt").state
    used = np.unique(np.concatenate([row.neurons for row in read_masks(masks).rows]))
    assert used.tolist() == list(range(40))
    for component, layer in LAYERS:
        name = f"{component}.layers.{layer}.fc1.weight"
        assert torch.equal(ours[name][40:], start[name][40:])
        assert all(not torch.equal(ours[name][row], start[name][row]) for row in range(40))
        assert not torch.equal(
            ours[f"{component}.layers.{layer}.fc2.weight"], start[f"{component}.layers.{layer}.fc2.weight"]
        )
    assert not [name for name in checkpoint.weights(start) if torch.equal(ours[name], start[name])]


def test_the_checkpoint_says_what_made_it(tiny_run, masks, specialized):
    found = checkpoint.read_checkpoint(specialized / "checkpoint.pt")
    carried = found.provenance
    assert carried == made(specialized)
    assert (carried["system"], carried["step"], carried["format"]) == ("ns", "train", FORMAT)
    assert carried["pairs"] == DIRECTIONS
    assert carried["masks"] == masks_digest(read_masks(masks).rows)
    assert carried["start"] == checkpoint.identity(tiny_run.checkpoint)
    assert carried["data"] == read_manifest(tiny_run.manifest).fingerprint
    assert carried["training"]["lr"] == TRAINING["lr"]
    assert not set(PROCESSES) & set(carried["training"])
    # What chooses among the weights, and what was chosen.
    assert (carried["max_update"], carried["patience"], carried["keep"], carried["validate_every"]) == (
        6,
        0,
        "last",
        None,
    )
    assert (carried["update"], carried["updates"]) == (6, 6)
    assert [update for update, _ in carried["validations"]] == [2, 4, 6]
    assert carried["weights_sha256"] == checkpoint.weights_digest(found.state)
    # The architecture came from the checkpoint it started from.
    assert (found.args.encoder_layers, found.args.encoder_ffn_embed_dim) == (2, 48)
    rows = curve(specialized)
    assert [row["update"] for row in rows if row["split"] == "valid"] == ["2", "4", "6"]
    assert {row["update"] for row in rows if row["split"] == "train"} == {"1", "2", "3", "4", "5", "6"}
    assert all(float(row["loss"]) > 0 for row in rows)


# The learning rate of the first update is zero, then it is far too high: the first validation stays the best.
WORSE = {"lr": 50.0, "warmup": 1, "validate_every": 1, "max_update": 9, "patience": 3, "keep": "best"}


def test_patience_survives_an_interruption_and_the_best_weights_are_kept(tiny_run, tmp_path):
    options = ("--start", tiny_run.checkpoint)
    tiny_run.train(tmp_path, *options, **WORSE | {"max_update": 3}).ok()
    tiny_run.train(tmp_path, *options, **WORSE).ok()
    losses = validated(tmp_path)
    # One good validation, then three that are worse: two before the interruption, one after.
    assert list(losses) == [1, 2, 3, 4]
    assert all(float(losses[1]) < float(losses[update]) for update in (2, 3, 4))
    best = weights(tmp_path)
    assert (made(tmp_path)["update"], made(tmp_path)["updates"]) == (1, 4)
    log = (tmp_path / "run/fairseq.log").read_text()
    # Which weights are kept may be changed without training again.
    result = tiny_run.train(tmp_path, *options, **WORSE | {"keep": "last"}).ok()
    assert "anew" not in result.out
    assert validated(tmp_path) == losses
    assert not same(best, weights(tmp_path))
    assert (made(tmp_path)["update"], made(tmp_path)["keep"]) == (4, "last")
    assert (tmp_path / "run/fairseq.log").read_text() == log
    start = checkpoint.weights(checkpoint.read_checkpoint(tiny_run.checkpoint).state)
    assert all(torch.equal(best[name], start[name]) for name in start)
    # More patience goes on from there; less than was had begins anew.
    result = tiny_run.train(tmp_path, *options, **WORSE | {"patience": 5}).ok()
    assert "anew" not in result.out
    assert list(validated(tmp_path)) == [1, 2, 3, 4, 5, 6]
    result = tiny_run.train(tmp_path, *options, **WORSE | {"patience": 2}).ok()
    assert "[ns] with patience 2 it ends after update 3, and 6 was reached, so training starts anew" in result.out
    assert validated(tmp_path) == {update: losses[update] for update in (1, 2, 3)}


def test_a_raised_end_equals_one_that_was_so_from_the_start(tiny_run, tmp_path):
    """The validation at an end between two regular ones chooses there, and never afterwards."""
    options = ("--start", tiny_run.checkpoint)
    settings = WORSE | {"validate_every": 4, "patience": 0}
    two = tmp_path / "twice"
    tiny_run.train(two, *options, **settings | {"max_update": 1}).ok()
    assert (made(two)["update"], made(two)["updates"]) == (1, 1)
    first = float(validated(two)[1])
    tiny_run.train(two, *options, **settings | {"max_update": 12}).ok()
    once = tmp_path / "once"
    tiny_run.train(once, *options, **settings | {"max_update": 12}).ok()
    assert validated(two) == validated(once)
    assert list(validated(once)) == [4, 8, 12]
    assert all(first < float(loss) for loss in validated(once).values())
    assert made(two) == made(once)
    assert published(two) == published(once)


def refused(tiny_run: TinyRun, work: Path, *arguments: object) -> Result:
    result = call(
        "train",
        *("--name", "ns", "--data", tiny_run.manifest, "--pairs", ",".join(DIRECTIONS)),
        *("--training", json.dumps(TRAINING), "--work", work / "run", "--output", work / "x.pt", *arguments),
    )
    assert result.code == 2
    assert not (work / "x.pt").exists()
    assert "Traceback" not in result.out + result.err
    return result


def test_refusals_before_any_training(tiny_run, tmp_path):
    both = ("--model", json.dumps(MODEL), "--start", tiny_run.checkpoint)
    assert "give either --model" in refused(tiny_run, tmp_path, *both).err
    assert "gone.pt does not exist" in refused(tiny_run, tmp_path, "--start", tmp_path / "gone.pt").err
    masks = ("--model", json.dumps(MODEL), "--masks", tmp_path / "gone.parquet")
    assert "--kind, --masks and --settings say how a system goes on" in refused(tiny_run, tmp_path, *masks).err
    for more, message in (
        (("--kind", "given"), "--kind given is not trained: the baseline, or a checkpoint, as it is"),
        (("--kind", "masks"), "--kind masks needs --masks"),
        (("--kind", "dense", "--masks", tmp_path / "m.parquet"), "--kind dense takes no --masks"),
        (("--kind", "dense", "--settings", '{"rank": 3}'), "--kind dense: --settings must have nothing"),
    ):
        assert message in refused(tiny_run, tmp_path, "--start", tiny_run.checkpoint, *more).err
    gone = ("--start", tiny_run.checkpoint, "--masks", tmp_path / "gone.parquet")
    assert "gone.parquet does not exist" in refused(tiny_run, tmp_path, *gone).err


def test_masks_that_lack_a_direction_end_the_training_with_a_message(tiny_run, masks, tmp_path):
    rows = [row for row in read_masks(masks).rows if row.pair != "en-qa"]
    write_masks(tmp_path / "few.parquet", rows, {})
    result = refused(tiny_run, tmp_path, "--start", tiny_run.checkpoint, "--masks", tmp_path / "few.parquet")
    assert "few.parquet has no masks for en-qa: make them again" in result.err


def test_a_training_that_goes_astray_says_where(tiny_run, tmp_path):
    """Weights overflow after the second update: the gradients of the third are no numbers."""
    output = tmp_path / "baseline"
    astray = {"lr": 1e30, "warmup": 1, "max_update": 200, "validate_every": 100}
    done = tiny_run.train(output, "--model", json.dumps(MODEL), name="baseline", **astray)
    assert done.code == 2
    (said,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert (
        "training went astray at update 3: gradients are Nan/Inf (learning rate 7.07107e+29); no checkpoint was" in said
    )
    assert "lower training.lr" in said
    assert "Traceback" not in done.err
    assert not (output / "checkpoint.pt").exists()
    assert not list(output.rglob("crash.pt"))


def test_a_validation_loss_that_is_no_number_ends_the_training(tiny_run, tmp_path):
    output = tmp_path / "baseline"
    astray = {"lr": 1e30, "warmup": 1, "max_update": 4, "validate_every": 1}
    done = tiny_run.train(output, "--model", json.dumps(MODEL), name="baseline", **astray)
    assert (
        "error: training went astray at update 2: the validation loss is nan (learning rate 7.07107e+29); the last"
        in done.err
    )
    assert not (output / "checkpoint.pt").exists()
