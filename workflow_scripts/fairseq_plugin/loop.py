"""What happens after each update of a training: validation, checkpoints, the end, and a stop on request.

Takes the place of fairseq's `validate_and_save`, so that a checkpoint holds all that is needed to go on exactly where
it was (patience included), is never half-written, and is also written when the job is told to stop.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import torch

from workflow_scripts.cluster.requeue import WARNED
from workflow_scripts.files import write_json
from workflow_scripts.training.work_folder import BEST, LAST, PREVIOUS, STOP, link
from workflow_scripts.training.work_folder import STATE as STATE_FILE

STATE = "training"
"""Key of a checkpoint's `extra_state` that holds `TrainingState` as a plain dict."""


class Interrupted(Exception):  # noqa: N818 - no error: the work goes on later
    """Training was told to stop before its end; the checkpoint is written, the same command goes on from there."""


class Loop:
    """Decides after every update; called by fairseq's training loop in place of `validate_and_save`.

    `every` updates there is a validation and a checkpoint; training ends at `max_update`, or after `patience`
    (0: never) validations without a better loss. SIGTERM and SIGUSR1, and a file `stop` in the folder of checkpoints,
    make it stop after the update at hand.
    """

    def __init__(self, every: int, max_update: int, patience: int, state: dict[str, Any]) -> None:
        self.every, self.max_update, self.patience = every, max_update, patience
        self.best: float | None = state.get("best")
        self.waited: int = state.get("waited", 0)
        self.seen = -1
        self.stop_requested = self.warned = False
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._request_stop)

    def _request_stop(self, number: int, *_: object) -> None:
        self.stop_requested = True
        self.warned = number == signal.SIGUSR1
        # Whatever shows our output may be gone by now: writing to it must not end the process before it has saved.
        silence = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(silence, stream)
        os.close(silence)

    def __call__(
        self, cfg: Any, trainer: Any, task: Any, epoch_itr: Any, valid_subsets: list[str], end_of_epoch: bool
    ) -> tuple[list[float | None], bool]:
        """fairseq's contract: the validation losses (or [None]) and whether training is over."""
        update = trainer.get_num_updates()
        last = update >= self.max_update
        # An update that fp16 skipped leaves the number as it was: nothing new to look at.
        due = update != self.seen and (last or update % self.every == 0)
        self.seen = update
        loss, better, over = None, False, last
        if due:
            loss = self._validate(cfg, trainer, task, epoch_itr, valid_subsets)
            better = self.best is None or loss < self.best
            self.best, self.waited = (loss, 0) if better else (self.best, self.waited + 1)
            over = last or 0 < self.patience <= self.waited
        folder = Path(cfg.checkpoint.save_dir)
        stop = self._agreed_stop(trainer, folder)
        if due or stop:
            self._save(folder, trainer, epoch_itr, better, over)
        if stop and not over:
            raise Interrupted(f"stopped on request after update {update}")
        return [loss], over

    @staticmethod
    def _validate(cfg: Any, trainer: Any, task: Any, epoch_itr: Any, valid_subsets: list[str]) -> float:
        from fairseq_cli import train

        return train.validate(cfg, trainer, task, epoch_itr, valid_subsets)[0]

    def _agreed_stop(self, trainer: Any, folder: Path) -> bool:
        """Whether any process was told to stop; all must leave the loop after the same update."""
        requested = self.stop_requested or (folder / STOP).exists()
        if self.warned:
            (folder / STOP).write_text(WARNED)
        if trainer.data_parallel_world_size == 1:
            return requested
        flag = torch.tensor([float(requested)], device=trainer.device)
        torch.distributed.all_reduce(flag)
        return bool(flag.item())

    def _save(self, folder: Path, trainer: Any, epoch_itr: Any, better: bool, over: bool) -> None:
        state = {"best": self.best, "waited": self.waited, "update": trainer.get_num_updates(), "over": over}
        extra = {"train_iterator": epoch_itr.state_dict(), "val_loss": None, STATE: state}
        trainer.consolidate_optimizer()
        if trainer.should_save_checkpoint_on_current_rank:
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder / ".checkpoint.tmp.pt"
            trainer.save_checkpoint(str(temporary), extra)
            if (folder / LAST).exists():
                link(folder / LAST, folder / PREVIOUS)
            os.replace(temporary, folder / LAST)
            write_json(folder / STATE_FILE, state)
            if better:
                link(folder / LAST, folder / BEST)
        if trainer.data_parallel_world_size > 1:
            # A process that left now would take the one that still writes down with it.
            torch.distributed.barrier()


def read_state(folder: Path) -> dict[str, Any] | None:
    """The state in the last checkpoint of `folder`; None where there is none to go on from."""
    path = folder / LAST
    if not path.exists():
        return None
    return torch.load(path, map_location="cpu", weights_only=True, mmap=True)["extra_state"][STATE]
