"""What an update leaves alone: the own parameters of directions without a micro-batch in it, moments and all."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from tests.conftest import DIRECTIONS
from workflow_scripts.fairseq_plugin import arguments, training
from workflow_scripts.fairseq_plugin.own_updates import OwnUpdates
from workflow_scripts.layers.own_names import own_parameters
from workflow_scripts.systems.variant import Variant

from fairseq import checkpoint_utils, tasks  # isort: skip
from fairseq.trainer import Trainer  # isort: skip


@pytest.fixture
def trainer(tiny_run, registered, tmp_path, monkeypatch):
    """`trainer(frozen)`: fairseq's trainer at the start of a training with an offset for each direction."""

    def make(frozen: bool = False) -> Trainer:
        own = registered.OwnParameters(("fc2",), registered.shapes, registered.act)
        kind = registered.own_kind("offset", registered.KIND.options["offset"], own, "an offset", frozen)
        monkeypatch.setattr(registered, "KIND", kind)
        system = arguments.system(Variant.of("offset", None, {"offset": {"times": 1}}))
        cfg = training.settings(tiny_run.job(tmp_path, *system, lr=0.01, warmup=1))
        task = tasks.setup_task(cfg.task)
        made = Trainer(cfg, task, task.build_model(cfg.model), task.build_criterion(cfg.criterion))
        _, made.epoch = checkpoint_utils.load_checkpoint(cfg.checkpoint, made)
        made.begin_epoch(1)
        return made

    return make


def batches(made: Trainer) -> dict[str, dict]:
    """A micro-batch of each direction."""
    return {batch["direction"]: batch for batch in made.epoch.next_epoch_itr(shuffle=False)}


def kept(made: Trainer, direction: str) -> list[torch.Tensor]:
    """The own parameters of a direction, and what the optimizer keeps of them."""
    state = made.optimizer.optimizer.state
    found = []
    for one in own_parameters(made.model)[direction]:
        found += [one.detach().clone(), *(torch.as_tensor(value).clone() for value in state.get(one, {}).values())]
    return found


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


def test_directions_without_a_micro_batch_are_left_alone(trainer):
    made = trainer()
    data = batches(made)
    assert set(data) == set(DIRECTIONS)
    first, second, third = DIRECTIONS[:3]
    # Gradients of several directions are accumulated in an update.
    for update in ([first, second], [second], [third, second], [second, second]):
        before = {direction: kept(made, direction) for direction in DIRECTIONS}
        made.train_step([data[direction] for direction in update])
        moved = {direction for direction in DIRECTIONS if not same(before[direction], kept(made, direction))}
        assert moved == set(update)
    assert {len(kept(made, direction)) for direction in DIRECTIONS[3:]} == {4}
    state = made.optimizer.optimizer.state
    steps = [state[own_parameters(made.model)[direction][0]]["step"] for direction in (first, second, third)]
    assert steps == [1, 4, 1]


def test_with_frozen_weights_nothing_else_is_trained(trainer):
    made = trainer(frozen=True)
    data = batches(made)
    before = {name: tensor.clone() for name, tensor in made.model.state_dict().items()}
    made.train_step([data["en-qa"]])
    made.train_step([data["en-qa"]])
    changed = {name for name, tensor in made.model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.startswith("own.en-qa.") for name in changed - {"encoder.embed_positions._float_tensor"})


@pytest.fixture
def two() -> SimpleNamespace:
    """Two directions, their full-precision copies, and an optimizer as fairseq has one for fp16."""
    own = {name: [torch.nn.Parameter(torch.ones(2))] for name in ("a-b", "b-a")}
    copies = [torch.nn.Parameter(torch.ones(2)) for _ in own]
    originals = [one for some in own.values() for one in some]
    return SimpleNamespace(
        own=own, updates=OwnUpdates(own), optimizer=SimpleNamespace(fp16_params=originals, fp32_params=copies)
    )


def fill(two: SimpleNamespace) -> None:
    """Zeros where there are no gradients, as shared and copied ones have them."""
    for one in (*two.optimizer.fp16_params, *two.optimizer.fp32_params):
        one.grad = torch.zeros(2)


def test_copies_in_full_precision_are_left_alone_too(two):
    two.updates.note(["b-a"], counts=True)
    fill(two)
    two.updates.settle(two.optimizer)
    assert [one.grad is None for one in two.optimizer.fp32_params] == [True, False]
    assert [one.grad is None for one in two.optimizer.fp16_params] == [True, False]


def test_a_given_up_update_and_batches_that_do_not_count_leave_no_trace(two):
    two.updates.note(["a-b"], counts=True)
    fill(two)
    # fp16 overflowed: the trainer empties gradients, and tries with the next micro-batches.
    for one in two.optimizer.fp16_params:
        one.grad = None
    two.updates.note(["b-a"], counts=True)
    two.own["b-a"][0].grad = torch.ones(2)
    two.updates.note(["a-b"], counts=False)
    fill(two)
    two.updates.settle(two.optimizer)
    assert [one.grad is None for one in two.optimizer.fp32_params] == [True, False]
