"""A training killed between any two operations on its files: the same command goes on to the same end.

The loop, its saves and the start are the real ones; an update takes no time, and the weights after it are its number.
"""

from __future__ import annotations

import contextlib
import signal
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.killing import Killed, killed_at
from workflow_scripts.fairseq_plugin.loop import Interrupted, Loop
from workflow_scripts.training import work_folder
from workflow_scripts.training.beginning import Beginning
from workflow_scripts.training.course import Choice, Reached, kept, over, validations
from workflow_scripts.training.provenance import trajectory

MADE = {"pairs": ["en-de"], "format": 2, "code": "c" * 64}
# Better, better, worse, better than all, worse, and at the end, between two regular validations, the best of all.
LOSSES = {2: 5.0, 4: 4.0, 6: 6.0, 8: 3.0, 10: 7.0, 11: 1.0, 12: 8.0, 14: 9.0, 16: 9.0}
CHOICE = Choice(max_update=11, patience=0, validate_every=2, keep="best")
Outcome = tuple[float, int, list[tuple[int, float]]]


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The loop listens to signals, which is not for the tests after it."""
    kept_handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    yield
    for number, handler in kept_handlers.items():
        signal.signal(number, handler)


class Trainer:
    """What the loop asks of fairseq's."""

    data_parallel_world_size = 1
    should_save_checkpoint_on_current_rank = True

    def __init__(self, update: int) -> None:
        self.update = update

    def get_lr(self) -> float:
        return 0.001

    def get_num_updates(self) -> int:
        return self.update

    def consolidate_optimizer(self) -> None:
        pass

    def save_checkpoint(self, path: str, extra: dict) -> None:
        torch.save({"model": {"w": torch.tensor([float(self.update)])}, "extra_state": extra}, path)


class Given(Loop):
    """With losses that are known before."""

    @staticmethod
    def _validate(cfg: object, trainer: Trainer, *_: object) -> float:
        return LOSSES[trainer.update]


def start(folder: Path, choice: Choice, stop: int | None = None) -> None:
    """The command: prepare, train to the end or to a stop after update `stop`."""
    reached = Beginning("t", folder, MADE, choice).prepare(asked=False, retrain=False)
    if over(reached, choice):
        return
    loop = Given(choice, replace(reached, made=trajectory(MADE), codes=[MADE["code"]]))
    trainer, ended = Trainer(reached.update), False
    data = Namespace(state_dict=dict)
    while not ended:
        trainer.update += 1
        loop.stop_requested = trainer.update == stop
        _, ended = loop(Namespace(checkpoint=Namespace(save_dir=folder)), trainer, None, data, ["valid"], False)


def outcome(folder: Path, choice: Choice) -> Outcome:
    """The weights that would be published, of which update they are, and the validations."""
    reached = work_folder.read_state(folder / work_folder.LAST)
    assert isinstance(reached, Reached)
    assert work_folder.reached(folder)["update"] == reached.update
    update = kept(reached, choice)
    path = folder / work_folder.LAST if update == reached.update else work_folder.best(folder, update)
    weight = torch.load(path, weights_only=True)["model"]["w"]
    return float(weight), update, validations(reached, choice)


def from_scratch(folder: Path, choice: Choice) -> Outcome:
    start(folder, choice)
    return outcome(folder, choice)


def test_what_is_kept(tmp_path: Path) -> None:
    assert from_scratch(tmp_path / "a", CHOICE)[:2] == (11.0, 11)
    assert from_scratch(tmp_path / "b", replace(CHOICE, max_update=10))[:2] == (8.0, 8)
    assert from_scratch(tmp_path / "c", replace(CHOICE, keep="last", max_update=10))[:2] == (10.0, 10)
    assert from_scratch(tmp_path / "d", replace(CHOICE, max_update=16, patience=3))[:2] == (8.0, 8)
    assert [path.name for path in work_folder.aside(tmp_path / "d").values()] == ["checkpoint_best_8.pt"]


LATER = [
    {},
    {"max_update": 10},
    {"max_update": 8},
    {"max_update": 6},
    {"max_update": 16},
    {"max_update": 16, "patience": 3},
    {"max_update": 16, "patience": 1},
    {"max_update": 16, "validate_every": 4},
    {"keep": "last"},
]


@pytest.mark.parametrize("changes", LATER, ids=str)
def test_killed_anywhere_the_next_start_ends_as_an_undisturbed_one(changes, tmp_path) -> None:
    """Also where the next start has other settings than the one that was killed."""
    later = replace(CHOICE, **changes)
    expected = from_scratch(tmp_path / "undisturbed", later)
    operations = None
    for number in range(200):
        folder = tmp_path / f"killed{number}"
        with killed_at(number) as done:
            try:
                start(folder, CHOICE)
                operations = done
            except Killed:
                pass
        start(folder, later)
        assert outcome(folder, later) == expected, f"killed after {len(done)} operations"
        if operations:
            break
    # All of them were tried: of six saves, three of them of the best so far, five with one before.
    assert operations
    assert operations.count("link") == 3 + 5


@pytest.mark.parametrize("stop", range(1, 11))
@pytest.mark.parametrize("changes", LATER, ids=str)
def test_stopped_anywhere_the_next_start_ends_as_an_undisturbed_one(stop, changes, tmp_path) -> None:
    later = replace(CHOICE, **changes)
    with pytest.raises(Interrupted):
        start(tmp_path / "stopped", CHOICE, stop)
    start(tmp_path / "stopped", later)
    assert outcome(tmp_path / "stopped", later) == from_scratch(tmp_path / "undisturbed", later)


def test_a_training_stopped_at_what_becomes_its_end_goes_back_for_its_validation(tmp_path, capsys) -> None:
    with pytest.raises(Interrupted):
        start(tmp_path, replace(CHOICE, max_update=16), stop=11)
    start(tmp_path, CHOICE)
    said = capsys.readouterr().out
    assert "[t] update 11, now the last, was saved without its validation; goes on from 10" in said
    assert "anew" not in said


@pytest.mark.parametrize("again", range(30))
def test_killed_while_beginning_anew(again, tmp_path) -> None:
    """Emptying the folder of another training leaves nothing that could be taken for this one's."""
    start(tmp_path / "run", CHOICE)
    other = MADE | {"pairs": ["en-fr"]}
    with killed_at(again), contextlib.suppress(Killed):
        Beginning("t", tmp_path / "run", other, CHOICE).prepare(asked=False, retrain=False)
    assert Beginning("t", tmp_path / "run", other, CHOICE).prepare(asked=False, retrain=False) == Reached()
    assert not list(tmp_path.rglob("*.pt"))
