"""A long training's turn in a SLURM job: it is told that the end is near, leaves, and asks for another turn."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

WARNED = "SLURM warns that the time is nearly up"
"""What the file `stop` says then."""
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that end a training: once it has saved."""
PATIENCE = 90
"""Seconds to wait, once SLURM has agreed to put the job back into the queue, for it to end this turn."""


class Turn:
    """Listens to SLURM while a training runs.

    SIGUSR1 is SLURM's warning that the job's time is nearly up (`--signal` in the profile): the training is to come
    again. SIGTERM says that the job is ended by somebody else (preemption, cancelling, shutdown), who knows whether it
    comes again; so do SIGINT (Ctrl-C) and SIGHUP (a terminal that is closed), unless `nohup` has it ignored. All leave
    the file `stop`, which the training's processes look for after every update: a signal alone would be lost on a
    process that is still starting.
    """

    def __init__(self, stop: Path) -> None:
        self.stop = stop
        self.job = os.environ.get("SLURM_JOB_ID")
        self.told = False
        stop.unlink(missing_ok=True)
        signal.signal(signal.SIGUSR1, self._warn)
        for number in STOPS:
            # Of SIGINT this would say nothing: shells ignore it in whatever they start in the background.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._tell)

    def _warn(self, *_: object) -> None:
        self.stop.write_text(WARNED)

    @property
    def warned(self) -> bool:
        """Whether this process was warned, or one of the training's, which on other nodes are the only ones to be."""
        return self.stop.exists() and self.stop.read_text() == WARNED

    def _tell(self, *_: object) -> None:
        self.told = True
        self.stop.touch()

    def come_again(self) -> bool:
        """Have SLURM put this job back into the queue, the same job with its number; False where that is not to be.

        Where SLURM agrees this returns only as the turn ends, so that no failure is reported in between.
        """
        if not self.job or not self.warned or self.told:
            return False
        answer = subprocess.run(["scontrol", "requeue", self.job], capture_output=True, text=True, check=False)
        if answer.returncode:
            print(f"SLURM does not put job {self.job} back into the queue: {answer.stderr.strip()}", flush=True)
            return False
        end = time.monotonic() + PATIENCE
        while not self.told and time.monotonic() < end:
            time.sleep(0.2)
        return True


def deaf() -> None:
    """In a process about to start: ignore the signals above until it has its own way to deal with them."""
    for number in (signal.SIGUSR1, *STOPS):
        signal.signal(number, signal.SIG_IGN)
