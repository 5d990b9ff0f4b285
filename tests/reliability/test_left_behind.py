"""After a kill the same command goes on: Snakemake's lock is no hindrance, and jobs that still run are not doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT
from tests.workflow.conftest import SMALL
from workflow_scripts.cluster import alone

# So much text that its making can be met under way: a second or two of Python.
SIZES = {"train": {"high": 20000, "medium": 20000}, "valid": 12, "test": 8}
LOG = "logs/small/make_text/make_text.log"
TARGET = "results/small/data/raw/train.en-qa.en"


class Start:
    """Snakemake on its way to the raw text, in a session of its own."""

    def __init__(self, folder: Path) -> None:
        config = SMALL | {"data": SMALL["data"] | {"synthetic": SIZES}}
        (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", TARGET]
        command += ["--configfile", "config.yaml"]
        self.folder, self.said = folder, folder / f"said.{time.monotonic_ns()}"
        with self.said.open("w") as file:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdout=file,
                stderr=file,
                start_new_session=True,
                # These tests may themselves have been started by `nohup`.
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            )

    def met(self) -> list[alone.Leftover]:
        """The jobs, as soon as there are any."""
        wait_for(lambda: alone.left(self.folder))
        return alone.left(self.folder)

    def end(self) -> str:
        """What it said; it must end well."""
        code = self.process.wait(timeout=120)
        said = self.said.read_text(encoding="utf-8")
        assert code == 0, said
        assert (self.folder / TARGET).exists()
        return said


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_the_lock_of_the_dead_is_removed(number: signal.Signals, tmp_path: Path) -> None:
    first = Start(tmp_path)
    first.met()
    os.killpg(first.process.pid, number)
    first.process.wait()
    assert list((tmp_path / ".snakemake/locks").iterdir())
    wait_for(lambda: not alone.left(tmp_path))
    assert "its lock of this folder is removed" in Start(tmp_path).end()
    assert "its lock" not in Start(tmp_path).end()


def test_jobs_that_still_run_are_named_and_waited_for(tmp_path: Path) -> None:
    first = Start(tmp_path)
    (job,) = first.met()
    assert job.what == "make_text"
    process = psutil.Process(job.pid)
    process.suspend()
    first.process.kill()
    first.process.wait()
    second = Start(tmp_path)
    wait_for(lambda: "still run here" in second.said.read_text(encoding="utf-8"))
    assert [each.pid for each in alone.left(tmp_path)] == [job.pid]
    process.resume()
    said = second.end()
    assert f"make_text (process {job.pid}). They are waited for." in said
    assert "its lock of this folder is removed" in said


def test_a_snakemake_that_lives_keeps_its_lock(tmp_path: Path) -> None:
    first = Start(tmp_path)
    (job,) = first.met()
    psutil.Process(job.pid).suspend()
    second = Start(tmp_path)
    assert second.process.wait(timeout=60) != 0
    assert "cannot be locked" in second.said.read_text(encoding="utf-8")
    psutil.Process(job.pid).resume()
    first.end()


def test_the_lock_of_another_machine_is_left_to_its_user(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.input.lock").touch()
    (tmp_path / alone.NAME).write_text("elsewhere")
    monkeypatch.setattr(alone, "_held", [])
    unlocked: list[bool] = []
    alone.enter(tmp_path, lambda: unlocked.append(True))
    assert unlocked == []
    assert "started on elsewhere" in capsys.readouterr().err
    assert (tmp_path / alone.NAME).read_text() != "elsewhere"


def test_the_log_of_before_is_kept(tmp_path: Path) -> None:
    said = []
    for _ in range(2):
        Start(tmp_path).end()
        said.append((tmp_path / LOG).read_text(encoding="utf-8"))
        (tmp_path / TARGET).unlink()
    assert all("synthetic text" in text for text in said)
    assert (tmp_path / f"{LOG}.all").read_text(encoding="utf-8") == "".join(said)
