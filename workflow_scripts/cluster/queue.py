"""The jobs of a run in SLURM's queue, by their name (`<run>_<id of the controller>`) and working folder."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FIELDS = ("%i", "%T", "%M", "%L", "%j", "%k", "%Z")
"""Number, state, time used, time left, name, comment, working folder."""


@dataclass(frozen=True)
class QueuedJob:
    """A job in the queue; `what` says which rule and wildcards (`decode_1 ns`), `controller` who submitted it."""

    number: str
    state: str
    used: str
    left: str
    controller: str
    what: str


def name_prefix(run: str) -> str:
    """How the names of a run's SLURM jobs begin: letters, digits, `_` and `-`, at most 50."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", run)[:50]


def queued(run: str, folder: Path) -> list[QueuedJob]:
    """The run's jobs that wait or run, submitted from `folder`; none where there is no SLURM."""
    if not shutil.which("squeue"):
        return []
    command = ["squeue", "--me", "--noheader", "--format", "\t".join(FIELDS)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return parse(answer.stdout, run, folder) if answer.returncode == 0 else []


def parse(listing: str, run: str, folder: Path) -> list[QueuedJob]:
    """Jobs of `run` in a listing of squeue with `FIELDS`, one job a line."""
    jobs = []
    for line in listing.splitlines():
        number, state, used, left, name, comment, where = [*line.split("\t", len(FIELDS) - 1), *[""] * len(FIELDS)][:7]
        prefix, _, controller = name.rpartition("_")
        if prefix == name_prefix(run) and where and "\0" not in where and Path(where).resolve() == folder.resolve():
            what = re.sub(r"^rule_", "", comment).replace("_wildcards_", " ")
            jobs.append(QueuedJob(number, state, used, left, controller, what))
    return jobs


def orphans_message(jobs: list[QueuedJob], run: str) -> str:
    """What to do about jobs that an earlier Snakemake has left in the queue."""
    numbers = " ".join(job.number for job in jobs)
    lines = [
        f"Jobs of run {run} are still in SLURM's queue, and the Snakemake that submitted them is gone.",
        "Nothing is started beside them:",
        *(f"  {job.number}  {job.state:<10} {job.used:>10}  {job.what}" for job in jobs),
        f"To end them:          scancel {numbers}",
        f"To wait for them:     python -m workflow_scripts.tools.orphans --run {run} --wait",
        "Then start again; what they finish, or have saved, is kept.",
    ]
    return "\n".join(lines)
