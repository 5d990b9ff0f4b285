"""What a transfer may not exceed: silence, slowness, and the room on the disk."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.errors import UserError


@dataclass(frozen=True)
class Limits:
    """What a transfer may not exceed. A transfer that does is ended; what arrived is kept."""

    silence: float = 60.0
    """Seconds without a byte."""
    window: float = 120.0
    """Seconds over which the rate is measured, and within which an answer has to begin."""
    slowest: float = 1000.0
    """Bytes a second, over a window."""
    reserve: int = 1 << 26
    """Bytes that a file of unknown length leaves free on the disk; looked at as often as that many have arrived."""


LIMITS = Limits()


class InterruptedTransferError(Exception):
    """The transfer ended early; what arrived is kept and can be continued."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` after `seconds`, however busy a slow server keeps us (in the main thread; else never)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def require_space(folder: Path, needed: int, what: str) -> None:
    """Raise `UserError` if `needed` bytes for `what` are more than `folder`'s disk has left."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(f"{what} needs {needed:,} bytes, but {folder} has {free:,} left; make room and run again")


class Watch:
    """Looks after one transfer to `part`: called with the bytes there are and those there will be, if that is known.

    Raises `InterruptedTransferError` when they come too slowly, `UserError` when the disk has no room for them.
    """

    def __init__(self, source: str, part: Path, limits: Limits) -> None:
        self.source, self.part, self.limits = source, part, limits
        self.since: float | None = None
        self.then = self.looked = 0

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if self.since is None:
            require_space(self.part.parent, (total or done) - done, self.source)
            self.since, self.then, self.looked = now, done, done
        if (elapsed := now - self.since) >= self.limits.window:
            if done - self.then < self.limits.slowest * elapsed:
                raise InterruptedTransferError(f"only {done - self.then:,} bytes arrived in {elapsed:,.0f} s")
            self.since, self.then = now, done
        if total is None and done - self.looked >= self.limits.reserve:
            what = f"{self.source}, of unknown length, so far in {self.part},"
            require_space(self.part.parent, self.limits.reserve, what)
            self.looked = done
