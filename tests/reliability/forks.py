"""Runs the pipeline's commands in processes that are forked from one which has already imported what takes seconds.

    python -m tests.reliability.forks        # a job per line of standard input, as JSON; answers with exit codes

So each of hundreds of kills is of a real process, by the system, and costs only the step's own work.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.reliability import interposition

MODELS = ("torch", "workflow_scripts.fairseq_plugin.training")
LIBRARIES = ("pandas", "pyarrow.parquet", "sacrebleu", "sentencepiece", "scipy.stats")
DRAWING = ("matplotlib.pyplot", "seaborn", "scipy.cluster.hierarchy")
SECONDS = 600
"""After so long a command hangs."""


class Forks:
    """The process that others are forked from, with what `libraries` take to import behind it."""

    def __init__(self, libraries: Sequence[str]) -> None:
        command = [sys.executable, "-m", "tests.reliability.forks", *libraries]
        self.server = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, folder: Path, module: str, arguments: Sequence[str], settings: dict[str, Any] | None = None) -> int:
        """Run `python -m module arguments…` in `folder`; its exit code, -9 where it was killed.

        What it says is appended to `said.txt` beside the folder; `settings` are those of an interposition.
        """
        job = {"folder": str(folder), "module": module, "arguments": list(arguments), "settings": settings}
        assert self.server.stdin
        assert self.server.stdout
        print(json.dumps(job), file=self.server.stdin, flush=True)
        return int(self.server.stdout.readline())

    def end(self) -> None:
        """Let the process end."""
        self.server.communicate()


def serve(libraries: Sequence[str]) -> None:
    """Fork a process for each job on standard input."""
    # As pandas draws nothing here, nobody needs a screen.
    os.environ["MPLBACKEND"] = "agg"
    for name in libraries:
        importlib.import_module(name)
    answers = os.dup(1)
    gc.collect()
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        os.write(answers, f"{outcome(json.loads(line))}\n".encode())


def outcome(job: dict[str, Any]) -> int:
    """The exit code of a job's process; its group, which it may have killed, is its own."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        said = os.open(Path(job["folder"]).with_name("said.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(said, stream)
        signal.alarm(SECONDS)
        os.chdir(job["folder"])
        work(job["module"], job["arguments"], job["settings"])
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def work(module: str, arguments: Sequence[str], settings: dict[str, Any] | None) -> None:
    """Be `python -m module arguments…` to the end."""
    from workflow_scripts import errors
    from workflow_scripts.cluster import launch

    sys.argv = [module, *arguments]
    if settings:
        interposition.install(settings, module.rpartition(".")[2])

    def run(command: Sequence[str], check: bool, preexec_fn: Any) -> subprocess.CompletedProcess:
        """What starts the process of a training: forked as well."""
        assert command[1] == "-m"
        pid = os.fork()
        if pid == 0:
            preexec_fn()
            work(command[2], command[3:], settings)
        return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    launch.subprocess = type("Forking", (), {"run": staticmethod(run)})
    code = 1
    try:
        errors.run(importlib.import_module(module).main)
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1:])
