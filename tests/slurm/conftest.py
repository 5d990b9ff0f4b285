"""A real SLURM on this machine, and copies of the checkout that are run in it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = Path(__file__).with_name("cluster.sh")
SOURCES = ("Snakefile", "rules", "workflow_scripts", "config", "profiles", "slurm", "tests/slurm")
FINISHED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY")


def wait_for(condition: Callable[[], object], what: str, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        time.sleep(0.3)


@dataclass(frozen=True)
class Record:
    """What SLURM knows of a job, running or finished, by scontrol."""

    fields: dict[str, str]

    @property
    def number(self) -> str:
        return self.fields["JobId"]

    @property
    def state(self) -> str:
        return self.fields["JobState"]

    @property
    def what(self) -> str:
        """Rule and wildcards."""
        return self.fields.get("Comment", "").removeprefix("rule_").replace("_wildcards_", " ")

    @property
    def gpus(self) -> int:
        return int(re.sub(r".*gpu:(?:\w+:)?(\d+).*|.*", r"\1", self.fields.get("TresPerJob", "")) or 0)

    @property
    def memory(self) -> float:
        """MiB on the node."""
        number, unit = re.fullmatch(r"([\d.]+)([MGT])", self.fields["MinMemoryNode"]).groups()
        return float(number) * {"M": 1, "G": 1024, "T": 1024**2}[unit]


def records(folder: Path) -> list[Record]:
    """All jobs ever submitted from `folder`, in order."""
    said = subprocess.run(["scontrol", "show", "jobs", "--oneliner"], capture_output=True, text=True, check=True).stdout
    jobs = [Record(dict(re.findall(r"(\w+)=(\S*)", line))) for line in said.splitlines() if "JobId=" in line]
    mine = [job for job in jobs if Path(job.fields["WorkDir"]).resolve() == folder.resolve()]
    return sorted(mine, key=lambda job: int(job.number))


class Site:
    """A copy of the checkout with its own profile, as a site has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in SOURCES:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_symlink():
                target.symlink_to(os.readlink(source))
            elif source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)

    def profile(self, **replaced: str) -> None:
        """Change the one file a site changes: each `old_text` keyword stands for a pair `old|new`."""
        path = self.folder / "profiles/slurm/profile.yaml"
        text = path.read_text(encoding="utf-8")
        for pair in replaced.values():
            old, _, new = pair.partition("|")
            assert old in text, f"the profile no longer has {old!r}"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    def start(self, *arguments: str, log: str = "snakemake.txt") -> subprocess.Popen[str]:
        """`snakemake arguments…` in the copy; what it says is appended to `log`."""
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
            "OMP_NUM_THREADS": "1"
        }
        # What a shell starts in the background ignores Ctrl-C, and so would all that these tests start.
        command = ["env", "--default-signal=INT", str(Path(sys.executable).with_name("snakemake")), *arguments]
        with (self.folder / log).open("a", encoding="utf-8") as file:
            return subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=file, stderr=subprocess.STDOUT, text=True
            )

    def run(self, *arguments: str, seconds: float = 1200, log: str = "snakemake.txt") -> tuple[int, str]:
        """Run to the end; the exit code, and what was said."""
        before = len(self.said(log))
        process = self.start(*arguments, log=log)
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
            pytest.fail(f"not finished after {seconds} s: {' '.join(arguments)}\n{self.said(log)[-3000:]}")
        return code, self.said(log)[before:]

    def said(self, log: str = "snakemake.txt") -> str:
        path = self.folder / log
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def module(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m arguments…` in the copy."""
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def jobs(self, what: str = "") -> list[Record]:
        """The site's jobs whose rule and wildcards begin with `what`."""
        return [job for job in records(self.folder) if job.what.startswith(what)]

    def queue(self) -> list[Record]:
        """Its jobs that are not finished."""
        return [job for job in self.jobs() if job.state not in FINISHED]


def processes(folder: Path) -> list[tuple[int, list[str]]]:
    """Processes of this machine that work in `folder`: number and words of the command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append((int(process.name), (process / "cmdline").read_text().split("\0")))
        except OSError:
            continue
    return found


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """SLURM, started for these tests and stopped after them."""
    if os.geteuid() != 0:
        pytest.skip("starting a SLURM of our own needs root")
    if not shutil.which("slurmctld") and not shutil.which("apt-get"):
        pytest.skip("SLURM is not installed, and there is no apt-get to install it with")
    begun = subprocess.run([SCRIPT, "start"], capture_output=True, text=True, check=False)
    if begun.returncode in (3, 4):
        pytest.skip(f"no SLURM of our own here: {begun.stderr.strip()}")
    assert begun.returncode == 0, begun.stderr
    yield
    subprocess.run([SCRIPT, "stop"], check=True, capture_output=True)


@pytest.fixture(scope="module")
def new_site(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """`new_site("name", change="old|new", …)`: a copy of the checkout whose profile suits this cluster."""

    sites = []

    def make(name: str, **replaced: str) -> Site:
        site = Site(tmp_path_factory.mktemp(name))
        sites.append(site)
        status = "slurm-init-seconds-before-status-checks: 20|slurm-init-seconds-before-status-checks: 3"
        # This cluster has no accounting.
        site.profile(status=status, command="# slurm-status-command: squeue|slurm-status-command: squeue", **replaced)
        return site

    yield make
    # Without cgroups this SLURM can lose sight of a process whose parent went first.
    for site in sites:
        for number, _ in processes(site.folder):
            os.kill(number, signal.SIGKILL)
