"""What Snakemake would do, as data: the jobs of a dry run, read from what it prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workflow_scripts.errors import UserError

FLAGS = re.compile(r" \((?:update|ancient|temp|protected|pipe|touch)\)$")
AIMS = ("all",)
"""Rules without work of their own."""


@dataclass
class Job:
    """A job that is still to do. `stage` is its rule without the number of the batch."""

    rule: str
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    wildcards: dict[str, str] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)
    benchmark: str = ""
    command: list[str] = field(default_factory=list)

    @property
    def stage(self) -> str:
        return re.sub(r"_\d+$", "", self.rule)

    @property
    def gpus(self) -> int:
        return int(self.resources.get("gpu", 0))

    @property
    def items(self) -> int:
        """How many directions (or other things) the job works through, by the names of what it writes."""
        return max(len({Path(name).name.split(".")[0] for name in self.outputs}), 1)

    def option(self, name: str) -> str | None:
        """The value of an option of the job's command."""
        return self.command[self.command.index(name) + 1] if name in self.command else None


def dry_run(arguments: Sequence[str]) -> list[Job]:
    """The jobs `snakemake arguments…` would run. Raises `UserError` with Snakemake's own words where it refuses."""
    # Quiet about the host alone: the rest is what we read.
    command = [sys.executable, "-m", "snakemake", "-n", "-p", "--nolock", *arguments, "--quiet", "host"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr + done.stdout).strip().splitlines()
        raise UserError("Snakemake refuses this run:\n" + "\n".join(words[-15:]))
    return parse(done.stdout + done.stderr)


def parse(text: str) -> list[Job]:
    """The jobs in what a dry run with `-p` prints."""
    jobs: list[Job] = []
    for line in text.splitlines():
        if match := re.match(r"^(?:rule|localrule|checkpoint) (\S+):$", line):
            jobs.append(Job(match[1]))
        elif jobs and (match := re.match(r"^    (\w+): (.*)$", line)):
            _set(jobs[-1], match[1], match[2])
        elif jobs and line.startswith("Shell command: "):
            jobs[-1].command = _words(line.removeprefix("Shell command: "))
    return [job for job in jobs if job.rule not in AIMS]


def _set(job: Job, key: str, value: str) -> None:
    if key in ("input", "output"):
        getattr(job, f"{key}s").extend(FLAGS.sub("", name) for name in value.split(", "))
    elif key in ("wildcards", "resources"):
        pairs = (pair.partition("=") for pair in value.split(", "))
        getattr(job, key).update({name: content for name, _, content in pairs})
    elif key == "benchmark":
        job.benchmark = value


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
