"""What a killed Snakemake has left behind in its folder: its lock, and jobs of this machine that still run.

Every Snakemake of this project holds a lock of the system's (`flock`) on one file as long as it lives, which ends with
the process however that ends. So a start that finds nobody holding it knows that Snakemake's own lock is of the dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NAME = "alive"
"""The file, in `.snakemake`; it holds the name of the machine of the last start."""
LOCKS = "locks"
WORK = re.compile(r"workflow_scripts\.(?:steps|fairseq_plugin)\.(\w+)")
"""The modules that do the work of jobs."""
EVERY = 60.0
"""Seconds after which the jobs that are waited for are named again."""
_held: list[int] = []


@dataclass(frozen=True)
class Leftover:
    """A job that runs on: its process and what it does (`decode`)."""

    pid: int
    what: str

    def __str__(self) -> str:
        return f"{self.what} (process {self.pid})"


def enter(state: Path, unlock: Callable[[], None]) -> None:
    """Called by a Snakemake before it locks its folder; `state` is its `.snakemake`, `unlock` removes Snakemake's lock.

    Where no other one is alive: waits for jobs that an earlier one has left, then removes its lock. A lock of another
    machine is left alone, since not every file system tells machines of each other's.
    """
    file = os.open(state / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    except OSError:
        os.close(file)
        return
    else:
        _clear(state, unlock, os.read(file, 255).decode(errors="replace") or socket.gethostname())
    fcntl.flock(file, fcntl.LOCK_SH)
    os.pwrite(file, socket.gethostname().encode(), 0)
    os.ftruncate(file, len(socket.gethostname().encode()))
    _held.append(file)


def _clear(state: Path, unlock: Callable[[], None], machine: str) -> None:
    wait(Path.cwd())
    if not any((state / LOCKS).glob("*.lock")):
        return
    if machine == socket.gethostname():
        unlock()
        _say("The Snakemake before this one was killed: its lock of this folder is removed, its work goes on.")
    else:
        _say(
            f"This folder is locked by a Snakemake that was started on {machine}. If none runs there any more, "
            "start again with --unlock, and then without."
        )


def left(folder: Path) -> list[Leftover]:
    """The steps that run in `folder` on this machine, each by its outermost process."""
    import psutil

    found: dict[int, tuple[int, str]] = {}
    for process in psutil.process_iter():
        try:
            words, parent = process.cmdline(), process.ppid()
            modules = [match[1] for word in words if (match := WORK.fullmatch(word))]
            if "-m" in words and modules and Path(process.cwd()) == folder.resolve():
                found[process.pid] = parent, modules[0]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return [Leftover(pid, what) for pid, (parent, what) in sorted(found.items()) if parent not in found]


def wait(folder: Path) -> None:
    """Return when no step runs in `folder` any more; says for which it waits, and how to end them."""
    import psutil

    while jobs := left(folder):
        pids = " ".join(str(job.pid) for job in jobs)
        _say(
            f"Jobs of an earlier start still run here: {', '.join(map(str, jobs))}. They are waited for. To end them: "
            f"kill {pids} (a training saves first)."
        )
        processes = []
        for job in jobs:
            with contextlib.suppress(psutil.NoSuchProcess):
                processes.append(psutil.Process(job.pid))
        psutil.wait_procs(processes, timeout=EVERY)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
