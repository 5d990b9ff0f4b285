"""What happens after each update of a training: validation, checkpoints, the end, and a stop on request.

Takes the place of fairseq's `validate_and_save`, so that a checkpoint holds all that is needed to go on exactly where
it was (patience included), is never half-written, and is also written when the job is told to stop.
"""

from __future__ import annotations

import math
import os
import signal
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from workflow_scripts.cluster.requeue import WARNED
from workflow_scripts.errors import UserError
from workflow_scripts.training import work_folder
from workflow_scripts.training.course import Choice, Reached, best_of, over, regular


class Interrupted(Exception):  # noqa: N818 - no error: the work goes on later
    """Training was told to stop before its end; the checkpoint is written, the same command goes on from there."""


class Loop:
    """Decides after every update; called by fairseq's training loop in place of `validate_and_save`.

    There is a validation and a checkpoint as often as the choice says, and at the end, which `course.over` knows.
    SIGTERM, SIGINT and SIGUSR1, and a file `stop` in the folder of checkpoints, make it stop after the update at hand.
    SIGHUP is for the process that started this one: it knows whether `nohup` was asked for.
    """

    def __init__(self, choice: Choice, reached: Reached) -> None:
        self.choice = choice
        best = best_of(regular(reached.validations, choice.validate_every))
        self.reached = replace(reached, best=best, end=None)
        self.saved = best
        self.stop_requested = self.warned = False
        self.rate = 0.0
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
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
        update, self.rate = trainer.get_num_updates(), trainer.get_lr()
        # An update that fp16 skipped leaves the number as it was: nothing new to look at.
        new = update != self.reached.update
        regularly = update % self.choice.validate_every == 0
        due = new and (regularly or update >= self.choice.max_update)
        loss, self.reached = None, replace(self.reached, update=update)
        if due:
            loss = float(self._validate(cfg, trainer, task, epoch_itr, valid_subsets))
            if not math.isfinite(loss):
                raise self.diverged(f"the validation loss is {loss}", update)
            self.reached = self._with((update, loss), regularly)
        ended = over(self.reached, self.choice)
        folder = Path(cfg.checkpoint.save_dir)
        stop = self._agreed_stop(trainer, folder)
        if due or stop:
            self._save(folder, trainer, epoch_itr, ended)
        if stop and not ended:
            raise Interrupted(f"stopped on request after update {update}")
        return [loss], ended

    def diverged(self, what: str, update: int | None = None) -> UserError:
        """The error of a training that went astray at `update` (None: in the one after the last): `what` was seen."""
        kept = [*self.reached.validations, *filter(None, [self.reached.end])]
        saved = f"the last checkpoint is of update {kept[-1][0]:,}" if kept else "no checkpoint was written before"
        where = f"at update {self.reached.update + 1 if update is None else update:,}"
        remedy = "lower training.lr, lengthen training.warmup, clip (training.clip_norm), or take another precision"
        return UserError(
            f"training went astray {where}: {what} (learning rate {self.rate:g}); {saved}; {remedy}: with other "
            "settings it begins anew"
        )

    def _with(self, validation: tuple[int, float], regularly: bool) -> Reached:
        """What is reached after another validation."""
        if not regularly:
            return replace(self.reached, end=validation)
        found = [*self.reached.validations, validation]
        return replace(self.reached, validations=found, best=best_of(regular(found, self.choice.validate_every)))

    @staticmethod
    def _validate(cfg: Any, trainer: Any, task: Any, epoch_itr: Any, valid_subsets: list[str]) -> float:
        from fairseq_cli import train

        return train.validate(cfg, trainer, task, epoch_itr, valid_subsets)[0]

    def _agreed_stop(self, trainer: Any, folder: Path) -> bool:
        """Whether any process was told to stop; all must leave the loop after the same update."""
        requested = self.stop_requested or (folder / work_folder.STOP).exists()
        if self.warned:
            (folder / work_folder.STOP).write_text(WARNED)
        if trainer.data_parallel_world_size == 1:
            return requested
        flag = torch.tensor([float(requested)], device=trainer.device)
        torch.distributed.all_reduce(flag)
        return bool(flag.item())

    def _save(self, folder: Path, trainer: Any, epoch_itr: Any, ended: bool) -> None:
        state = {work_folder.KEY: asdict(self.reached)}
        extra = {"train_iterator": epoch_itr.state_dict(), "val_loss": None, **state}
        trainer.consolidate_optimizer()
        if trainer.should_save_checkpoint_on_current_rank:
            write = lambda path: trainer.save_checkpoint(str(path), extra)  # noqa: E731
            work_folder.save(folder, write, self.reached, self.saved, ended)
        self.saved = self.reached.best
        if trainer.data_parallel_world_size > 1:
            # A process that left now would take the one that still writes down with it.
            torch.distributed.barrier()
