"""Updates by fairseq's trainer: the loss in chunks is the same, and what is frozen stays as it is."""

from __future__ import annotations

import pytest
import torch

from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import arguments, training
from workflow_scripts.layers.freezing import PARTS

from fairseq import checkpoint_utils, tasks  # isort: skip
from fairseq.trainer import Trainer  # isort: skip

STILL = {"dropout": 0, "attention_dropout": 0, "activation_dropout": 0}


@pytest.fixture
def trainer(tiny_run, tmp_path):
    """`trainer(loss_chunk=7)`: fairseq's trainer at the start of a continued training."""

    def make(**settings: object) -> Trainer:
        words = arguments.frozen(settings)
        cfg = training.settings(tiny_run.job(tmp_path, *words, lr=0.01, warmup=1, **STILL, **settings))
        task = tasks.setup_task(cfg.task)
        made = Trainer(cfg, task, task.build_model(cfg.model), task.build_criterion(cfg.criterion))
        _, made.epoch = checkpoint_utils.load_checkpoint(cfg.checkpoint, made)
        made.begin_epoch(1)
        made.batches = list(made.epoch.next_epoch_itr(shuffle=False))[:6]
        return made

    return make


def weights(made: Trainer) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in made.model.named_parameters()}


def test_updates_with_the_loss_in_chunks_are_those_without(trainer):
    found = []
    for settings in ({}, {"loss_chunk": 7}):
        made = trainer(**settings)
        numbers = []
        for batch in made.batches:
            loss, size, logged = made.get_criterion()(made.model, batch)
            numbers.append([float(loss), size, *(float(logged[name]) for name in sorted(logged))])
        for number in (0, 2, 4):
            made.train_step(made.batches[number : number + 2])
        found.append((numbers, weights(made), made.get_criterion().__class__.__name__))
    (told, plain, name), (others, chunked, same_name) = found
    assert len(told) == 6
    for one, other in zip(told, others, strict=True):
        assert one == pytest.approx(other, rel=1e-5)
    for key, tensor in plain.items():
        # Adam divides small gradients by themselves: rounding shows.
        torch.testing.assert_close(chunked[key], tensor, rtol=1e-3, atol=1e-4)
    # A checkpoint that was begun with the one goes on with the other.
    assert name == same_name == "LabelSmoothedCrossEntropyCriterion"


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        (["embeddings", "attention", "norms"], (".fc1.", ".fc2.")),
        (["encoder", "embeddings"], ("decoder.layer",)),
        (["embeddings"], (".layers.", "layer_norm")),
    ],
)
def test_what_is_frozen_stays_as_it_is_and_costs_no_moments(trainer, parts, left):
    made = trainer(freeze=parts, loss_chunk=50)
    before = weights(made)
    # The first has next to no learning rate.
    for start in (0, 2):
        made.train_step(made.batches[start : start + 2])
    changed = {name for name, one in weights(made).items() if not torch.equal(one, before[name])}
    # The gradient of a key's bias is zero: softmax does not see what is added to all.
    learning = {name for name in before if any(part in name for part in left)}
    assert changed | {name for name in learning if name.endswith("k_proj.bias")} >= learning
    assert changed <= learning
    sizes = {id(one): one for one in made.model.parameters() if one.requires_grad}
    assert {id(one) for one in made.optimizer.optimizer.state} == sizes.keys()


def test_a_training_of_nothing_is_refused(trainer):
    with pytest.raises(UserError, match="with encoder,decoder nothing is left to be trained; leave a part out"):
        trainer(freeze=["encoder", "decoder"])


def test_the_configuration_names_the_parts_there_are():
    from tests.test_configuration import SCHEMA
    from workflow_scripts import schema

    assert schema.load(SCHEMA)["$defs"]["training"]["freeze"]["items"]["enum"] == list(PARTS)
