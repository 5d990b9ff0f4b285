"""The training task: micro-batches of one direction, under that direction's masks, in training and validation."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.conftest import DIRECTIONS, TRAINING
from workflow_scripts.artifacts import Mask, write_masks
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import training
from workflow_scripts.layers.specialized_ffn import SpecializedFc1

from fairseq import checkpoint_utils, tasks  # isort: skip
from fairseq.trainer import Trainer  # isort: skip

MOST = TRAINING["max_tokens"]


def rows(directions=DIRECTIONS, seed=1) -> list[Mask]:
    random = np.random.default_rng(seed)
    return [
        Mask(pair, component, layer, 48, np.sort(random.choice(48, 30, replace=False)).astype(np.int32), None, 0.5)
        for pair in directions
        for component in ("encoder", "decoder")
        for layer in range(2)
    ]


@pytest.fixture
def start(tiny_run, tmp_path):
    """`start(masks)` sets the task up as a continued training does: `(cfg, task, model)`."""

    def make(masks=None):
        more = [f"--masks-file={masks}"] if masks else []
        cfg = training.settings(tiny_run.job(tmp_path, *more, dropout=0, attention_dropout=0))
        task = tasks.setup_task(cfg.task)
        return cfg, task, task.build_model(cfg.model)

    return make


@pytest.fixture
def masks(tmp_path):
    path = tmp_path / "ns.parquet"
    write_masks(path, rows(), {})
    return path


def iterator(task, split, epoch=1):
    if split not in task.datasets:
        task.load_dataset(split, epoch=epoch)
    return task.get_batch_iterator(
        task.dataset(split),
        max_tokens=MOST,
        max_positions=(64, 64),
        ignore_invalid_inputs=True,
        required_batch_size_multiple=8,
        seed=7,
        epoch=epoch,
    )


@pytest.mark.parametrize("split", ["train", "valid"])
def test_every_micro_batch_holds_one_direction_and_names_it(split, start):
    _, task, _ = start()
    index = {language: number for number, language in task.languages_by_tag.items()}
    lines: dict[str, int] = {}
    for batch in iterator(task, split).next_epoch_itr(shuffle=split == "train"):
        source, target = batch["direction"].split("-")
        # Padding may stand on the left: the first symbol that is none is the tag.
        pad = task.source_dictionary.pad()
        sides = (batch["net_input"]["src_tokens"].numpy(), batch["target"].numpy())
        found = [{int(row[row != pad][0]) for row in side} for side in sides]
        assert found == [{index[source]}, {index[target]}]
        assert max(batch["net_input"]["src_tokens"].numel(), batch["target"].numel()) <= MOST
        lines[batch["direction"]] = lines.get(batch["direction"], 0) + batch["nsentences"]
    assert set(lines) == set(DIRECTIONS)
    assert sum(lines.values()) == len(task.dataset(split))
    if split == "valid":
        assert set(lines.values()) == {20}


def test_epochs_are_the_same_every_time_and_different_from_each_other(start):
    def order(epoch):
        _, task, _ = start()
        batches = iterator(task, "train", epoch).next_epoch_itr(shuffle=True)
        return [(batch["direction"], batch["target"].tolist()) for batch in batches]

    first = order(1)
    assert first == order(1)
    assert first != order(2)
    # Directions alternate, not one after the other.
    assert [name for name, _ in first] != sorted(name for name, _ in first)


def trainer(start, masks) -> SimpleNamespace:
    cfg, task, model = start(masks)
    made = Trainer(cfg, task, model, task.build_criterion(cfg.criterion))
    checkpoint_utils.load_checkpoint(cfg.checkpoint, made)
    seen: list[tuple[str, str | None, float]] = []
    made.criterion.register_forward_hook(
        lambda _, inputs, output: seen.append(
            (inputs[1]["direction"], task.effect.active if task.effect else None, float(output[2]["loss"]))
        )
    )
    return SimpleNamespace(trainer=made, task=task, seen=seen)


def masked_loss(run, batch, masks) -> float:
    """The method's formula, m * W1, written into a copy of the dense model."""
    kept = {(row.component, row.layer): row.neurons for row in masks if row.pair == batch["direction"]}
    model = run.trainer.model
    originals = {}
    with torch.no_grad():
        for (component, layer), neurons in kept.items():
            weight = getattr(model, component).layers[layer].fc1.weight
            originals[component, layer] = weight.clone()
            weight[np.setdiff1d(np.arange(48), neurons)] = 0
        run.task.effect.deactivate()
        model.eval()
        loss = run.trainer.criterion(model, batch)[2]["loss"]
        for (component, layer), weight in originals.items():
            getattr(model, component).layers[layer].fc1.weight.copy_(weight)
    run.seen.clear()
    return float(loss)


def test_masks_are_at_work_in_training_and_in_validation(start, masks):
    run = trainer(start, masks)
    train = list(iterator(run.task, "train").next_epoch_itr(shuffle=True))[:6]
    valid = list(iterator(run.task, "valid").next_epoch_itr(shuffle=False))
    assert len({batch["direction"] for batch in train}) > 1
    for batch in valid[:4]:
        expected = masked_loss(run, batch, rows())
        run.trainer.valid_step(batch)
        assert run.seen[-1][:2] == (batch["direction"], batch["direction"])
        assert run.seen[-1][2] == pytest.approx(expected, rel=1e-5)
    expected = [masked_loss(run, batch, rows()) for batch in train]
    run.trainer.begin_epoch(1)
    run.seen.clear()
    run.trainer.train_step(train)
    # One update of six micro-batches: each ran under its own masks.
    assert [seen[:2] for seen in run.seen] == [(batch["direction"],) * 2 for batch in train]
    assert [seen[2] for seen in run.seen] == pytest.approx(expected, rel=1e-5)


def test_without_masks_the_model_is_dense(start):
    _, task, model = start()
    assert task.effect is None
    assert not isinstance(model.encoder.layers[0].fc1, SpecializedFc1)


def test_masks_must_include_every_direction(start, tmp_path):
    write_masks(tmp_path / "few.parquet", rows(DIRECTIONS[:4]), {})
    with pytest.raises(UserError, match=r"few\.parquet has no masks for qe-en, xi-en: make them again"):
        start(tmp_path / "few.parquet")


def test_masks_of_another_architecture_are_refused(start, tmp_path):
    other = [Mask(row.pair, row.component, row.layer, 64, row.neurons, None, 0.5) for row in rows()]
    write_masks(tmp_path / "other.parquet", other, {})
    with pytest.raises(UserError, match="made for 64 neurons, the model has 48"):
        start(tmp_path / "other.parquet")


def test_a_micro_batch_of_two_directions_is_refused(start):
    _, task, _ = start()
    collate = iterator(task, "train").collate_fn
    data = task.dataset("train").datasets
    with pytest.raises(UserError, match="a micro-batch must hold one direction"):
        collate([(0, data[0][0]), (1, data[1][0])])
    with pytest.raises(UserError, match="a micro-batch must hold one direction"):
        collate([(0, data[0][0]), (3, data[3][0])])
