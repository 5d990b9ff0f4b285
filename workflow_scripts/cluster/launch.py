"""Start a module in one process, in one per GPU, or in one per GPU of several nodes."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

from workflow_scripts.cluster.requeue import deaf
from workflow_scripts.errors import UserError


def launch(module: Sequence[str], gpus: int, nodes: int, slurm_job: str | None) -> int:
    """Run `python -m module…` with `gpus` processes (at least one) on each of `nodes` nodes; returns the exit code.

    The processes ignore the signals that a training listens to until they say otherwise. Raises `UserError` for several
    nodes outside of a SLURM job.
    """
    return subprocess.run(command(module, gpus, nodes, slurm_job), check=False, preexec_fn=deaf).returncode


def broken_off(code: int, update: int) -> str:
    """What is said of a training whose process ended with `code`, and which is saved up to `update`."""
    if code == -signal.SIGKILL:
        what = "its process was killed (SIGKILL), as happens when memory is used up"
    elif code < 0:
        what = f"its process was ended by {signal.Signals(-code).name}"
    else:
        what = f"its process ended with code {code}"
    if update:
        return f"{what}; saved up to update {update:,}: the same command goes on from there"
    return f"{what}; nothing was saved yet: the same command begins again"


def command(module: Sequence[str], gpus: int, nodes: int, slurm_job: str | None) -> list[str]:
    """The command line: Python itself, torch's launcher, or torch's launcher on every node by srun."""
    python = [sys.executable, "-m"]
    if gpus * nodes <= 1:
        return [*python, *module]
    # The launcher would end processes that are told to stop before they have saved: it does not hear those signals.
    launcher = [*python, "torch.distributed.run", "--signals-to-handle=SIGQUIT", f"--nproc-per-node={gpus}"]
    if nodes == 1:
        return [*launcher, "--standalone", "-m", *module]
    if not slurm_job:
        raise UserError(f"training on {nodes} nodes needs SLURM: `snakemake --profile slurm`, or training.nodes: 1")
    meeting = f"{socket.gethostname()}:{20000 + int(slurm_job) % 20000}"
    step = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", f"--gpus-per-node={gpus}"]
    rendezvous = [f"--nnodes={nodes}", "--rdzv-backend=c10d", f"--rdzv-endpoint={meeting}", f"--rdzv-id={slurm_job}"]
    # What srun starts has not inherited that it is to be deaf.
    wrapped = ["sh", "-c", "trap '' USR1 TERM INT HUP; exec \"$@\"", "sh", *launcher, *rendezvous, "-m", *module]
    return ["srun", "--overlap", *step, *wrapped]
