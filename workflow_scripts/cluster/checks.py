"""The checks of `doctor`: each says what it found and, where something is wrong, what to do."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts import installation

PACKAGES = ("snakemake", "snakemake-executor-plugin-slurm", "torch", "fairseq", "sentencepiece", "sacrebleu", "pyarrow")
TOOLS = {"git": "any package manager", "c++": "a C++ compiler (g++, clang); fairseq is built with it", "make": "make"}
SLURM = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
TORCH = (
    "import json, torch; print(json.dumps([torch.__version__, torch.version.cuda, "
    "[torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]]))"
)


@dataclass(frozen=True)
class Check:
    """`state` is ok, warn (works, but) or bad."""

    state: str
    what: str
    advice: str = ""


def _say(*command: str) -> tuple[bool, str]:
    """Whether a command succeeded, and what it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    return done.returncode == 0, (done.stdout if done.returncode == 0 else done.stderr).strip()


def machine(disk: float) -> Iterator[Check]:
    """Python, packages, torch and GPUs, tools, and `disk` GB of free space here."""
    version = ".".join(map(str, sys.version_info[:3]))
    fits = sys.version_info >= (3, 11)
    yield Check("ok" if fits else "bad", f"Python {version}", "" if fits else "needs Python 3.11 or newer")
    for package in PACKAGES:
        try:
            yield Check("ok", f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            yield Check("bad", f"{package} is not installed", installation.advice())
    yield _torch()
    for tool, where in TOOLS.items():
        found = shutil.which(tool)
        yield Check("ok" if found else "bad", f"{tool}: {found or 'missing'}", "" if found else f"install {where}")
    free = shutil.disk_usage(".").free / 1e9
    advice = "" if free >= disk else f"less than {disk:g} GB; `make plan` says what a run needs"
    yield Check("ok" if free >= disk else "warn", f"{free:,.0f} GB free in {Path.cwd()}", advice)


def _torch() -> Check:
    good, said = _say(sys.executable, "-c", TORCH)
    if not good:
        return Check("bad", "torch cannot be imported", (said.splitlines() or [installation.advice()])[-1])
    version, cuda, names = json.loads(said.splitlines()[-1])
    if names:
        return Check("ok", f"torch {version}, CUDA {cuda}, {len(names)} GPU(s): {', '.join(sorted(set(names)))}")
    if Path("/dev/nvidiactl").exists():
        advice = "the machine has a GPU that torch does not see: install a CUDA build of torch that fits the driver"
        return Check("bad", f"torch {version}, CUDA {cuda or 'not built in'}, no usable GPU", advice)
    return Check(
        "warn", f"torch {version}, no GPU here", "fine on a login node and for small models (training.gpus: 0)"
    )


def cluster(profile: Path) -> Iterator[Check]:
    """SLURM's commands, and what the profile names of the cluster; one note where there is no SLURM."""
    missing = [command for command in SLURM if not shutil.which(command)]
    if len(missing) == len(SLURM):
        yield Check("warn", "no SLURM on this machine", "fine for `make run`; `--profile slurm` needs a login node")
        return
    if missing:
        yield Check(
            "bad", f"SLURM commands missing: {', '.join(missing)}", "load the cluster's module, or ask its staff"
        )
        return
    good, said = _say("sinfo", "--noheader", "--format", "%R|%G|%l")
    if not good:
        yield Check("bad", "SLURM does not answer", said)
        return
    there = partitions(said)
    yield Check("ok", f"SLURM answers; partitions: {', '.join(there)}")
    settings = yaml.safe_load(profile.read_text(encoding="utf-8"))
    yield from _partitions(settings, there, profile)
    yield from _accounting(settings, profile)


def partitions(listing: str) -> dict[str, str]:
    """GPUs by partition, in a listing of sinfo (`%R|%G|%l`); what stands between its lines is passed over."""
    found: dict[str, str] = {}
    for line in listing.splitlines():
        if line.count("|") == 2:
            name, gpus, _ = line.split("|")
            found[name] = f"{found.get(name, '')},{gpus}"
    return found


def _partitions(settings: Mapping[str, Any], there: Mapping[str, str], profile: Path) -> Iterator[Check]:
    common = settings.get("default-resources", {})
    named: dict[str, list[str]] = {}
    for stage, own in {"every other step": {}, **settings.get("set-resources", {})}.items():
        name = str((common | own).get("slurm_partition"))
        named.setdefault(name, []).append(stage)
        model = (common | own).get("gpu_model")
        if model and name in there and str(model) not in there[name]:
            yield Check(
                "bad", f"{stage}: partition {name} has no GPU {model} ({there[name]})", f"gpu_model in {profile}"
            )
        elif own.get("gpu") and name in there and "gpu" not in there[name]:
            yield Check("bad", f"{stage} wants a GPU, partition {name} has none", f"slurm_partition in {profile}")
    for name, stages in named.items():
        good = name in there
        advice = "" if good else f"set slurm_partition in {profile} to one of {', '.join(there)}"
        yield Check("ok" if good else "bad", f"partition {name} (for {', '.join(stages)})", advice)


def _accounting(settings: Mapping[str, Any], profile: Path) -> Iterator[Check]:
    account = settings.get("default-resources", {}).get("slurm_account")
    good, said = _say("sacctmgr", "--noheader", "--parsable2", "show", "associations", "format=account")
    if account and good and str(account) not in said.split():
        yield Check(
            "bad", f"account {account} is not yours", f"set slurm_account in {profile} to one of {said.split()}"
        )
    elif account:
        yield Check("ok", f"account {account}")
    if not _say("sacct", "--noheader")[0] and settings.get("slurm-status-command") != "squeue":
        advice = f"`slurm-status-command: squeue` in {profile}"
        yield Check("bad", "sacct does not work here, so the state of jobs cannot be asked for", advice)
