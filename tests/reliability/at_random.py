"""Kills at random times in every stage: of Snakemake with all it has started, of Snakemake alone, or of one job.

Each time the run is started again by the same command; in the end its files must be those of an uninterrupted one.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.reliability.comparison import differences
from tests.reliability.runs import Place
from workflow_scripts.cluster import alone

HOW = ("group", "snakemake", "child")
"""What is killed: everything, Snakemake alone (its jobs run on), or one process of a job."""
PATIENCE = 600.0
"""Seconds after which a start that neither ends nor begins another job hangs."""


@dataclass(frozen=True)
class Blow:
    """A kill: of what, and at which part of the usual time of which stage."""

    stage: str
    how: str
    part: float


@dataclass
class Campaign:
    """A run that is killed again and again, until it ends."""

    place: Place
    dealt: list[Blow] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    starts: int = 0

    @property
    def said(self) -> Path:
        return self.place.folder.with_name(f"{self.place.folder.name}.said.txt")

    def fight(self, blows: Sequence[Blow], seconds: dict[str, float], wanted: Place, *targets: str) -> Campaign:
        """Start until it ends well, dealing each of the blows as soon as its stage runs; `seconds` are their times."""
        left = list(blows)
        while not self.faults:
            self.starts += 1
            process = self.place.start(*targets, said=self.said)
            blow = self._dealt(process, left, seconds)
            if blow is None:
                break
            left.remove(blow)
            self.dealt.append(blow)
        self.faults += differences(self.place.results, wanted.results)
        return self

    def _dealt(self, process: subprocess.Popen[bytes], blows: Sequence[Blow], seconds: dict[str, float]) -> Blow | None:
        """The blow that this start has met; None where it ended by itself."""
        begin = time.monotonic()
        while process.poll() is None:
            running = jobs(process.pid)
            blow = next((blow for blow in blows if blow.stage in running), None)
            if blow and still(process.pid, blow.stage, blow.part * seconds[blow.stage]) and self._deal(process, blow):
                return blow
            if time.monotonic() - begin > PATIENCE:
                os.killpg(process.pid, signal.SIGKILL)
                self.faults.append(f"start {self.starts} hangs")
            time.sleep(0.01)
        if process.wait():
            said = self.said.read_text(encoding="utf-8", errors="replace")
            self.faults.append(f"start {self.starts} ended with {process.returncode}: {said[-1500:]}")
        return None

    def _deal(self, process: subprocess.Popen[bytes], blow: Blow) -> bool:
        """Kill; False where there was nothing left to kill, so that it ends well."""
        if process.poll() is not None:
            return False
        if blow.how == "child":
            pids = jobs(process.pid).get(blow.stage)
            if not pids:
                return False
            os.kill(random.Random(blow.part).choice(pids), signal.SIGKILL)
        else:
            (os.killpg if blow.how == "group" else os.kill)(process.pid, signal.SIGKILL)
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.faults.append(f"{blow}: Snakemake does not end after its job was killed")
            os.killpg(process.pid, signal.SIGKILL)
            return True
        # The process of a job may have done all its work and be on its way out.
        return code != 0


def jobs(pid: int) -> dict[str, list[int]]:
    """The processes below another that do the work of jobs, by what they do, a training's as `train`."""
    found: dict[str, list[int]] = {}
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return found
    for process in below:
        try:
            words = process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        for word in words:
            if match := alone.WORK.fullmatch(word):
                found.setdefault(match[1].replace("training", "train"), []).append(process.pid)
    return found


def still(pid: int, stage: str, seconds: float) -> bool:
    """Wait; whether the stage runs at the end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and stage in jobs(pid):
        time.sleep(0.01)
    return stage in jobs(pid)


def drawn(stages: Sequence[str], each: int, seed: int) -> list[Blow]:
    """`each` blows on each of the stages, of every kind in turn, at random times in which it usually still runs."""
    chance = random.Random(seed)
    return [
        Blow(stage, HOW[(number + turn) % len(HOW)], 0.8 * chance.random())
        for turn in range(each)
        for number, stage in enumerate(stages)
    ]


def usual(place: Place) -> Iterator[tuple[str, float]]:
    """How many seconds each kind of step has taken in a finished run."""
    for step in place.steps():
        yield step.module.rpartition(".")[2], step.seconds
