"""A training that is stopped, damaged or spread over processes ends where an undisturbed one does."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import MODEL, ROOT, TRAINING, TinyRun
from workflow_scripts.cluster.launch import command
from workflow_scripts.training import work_folder

SETTINGS = {"max_update": 12, "validate_every": 4}


def losses(folder: Path) -> dict[tuple[int, str], float]:
    with (folder / "training.csv").open(encoding="utf-8") as file:
        return {(int(row["update"]), row["split"]): float(row["loss"]) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def undisturbed(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    tiny_run.train(folder, "--model", json.dumps(MODEL), name="baseline", **SETTINGS).ok()
    return folder


def wait_for(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def started(tiny_run: TinyRun, folder: Path, hangup: signal.Handlers) -> subprocess.Popen[str]:
    """A training under way, begun with this way to deal with SIGHUP, in a session of its own."""
    command = [
        *(sys.executable, "-m", "workflow_scripts.steps.train", "--name", "baseline", "--data", str(tiny_run.manifest)),
        *("--pairs", ",".join(tiny_run.directions), "--model", json.dumps(MODEL)),
        *("--training", json.dumps(TRAINING | SETTINGS), "--work", str(folder / "run")),
        *("--output", str(folder / "checkpoint.pt")),
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, hangup),
    )
    wait_for(lambda: (folder / "run/job.json").exists())
    return process


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(lambda pid: os.kill(pid, signal.SIGTERM), id="SIGTERM to the command alone"),
        pytest.param(lambda pid: os.killpg(pid, signal.SIGINT), id="Ctrl-C to all its processes"),
        pytest.param(lambda pid: os.killpg(pid, signal.SIGHUP), id="SIGHUP to all its processes"),
    ],
)
def test_stopped_training_goes_on_exactly(tiny_run: TinyRun, undisturbed: Path, tmp_path: Path, stop) -> None:
    """Stopped as its process still starts: it saves after its first update."""
    process = started(tiny_run, tmp_path, signal.SIG_DFL)
    stop(process.pid)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 75
    assert "stopped on request after update 1" in said
    assert work_folder.reached(tmp_path / "run")["update"] == 1
    assert not (tmp_path / "checkpoint.pt").exists()
    resumed = tiny_run.train(tmp_path, "--model", json.dumps(MODEL), name="baseline", **SETTINGS).ok()
    assert "[baseline] goes on after update 1\n" in resumed.out
    assert losses(tmp_path)[12, "valid"] == pytest.approx(losses(undisturbed)[12, "valid"], abs=1e-4)


def test_nohup_outlives_the_terminal(tiny_run: TinyRun, tmp_path: Path) -> None:
    process = started(tiny_run, tmp_path, signal.SIG_IGN)
    for _ in range(3):
        os.killpg(process.pid, signal.SIGHUP)
        time.sleep(1)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert (tmp_path / "checkpoint.pt").exists()


def test_damaged_checkpoint_costs_one_interval(tiny_run: TinyRun, undisturbed: Path, tmp_path: Path) -> None:
    """Half a last checkpoint: training goes back to the one before and repeats what came after, to the same end."""
    arguments = ("--model", json.dumps(MODEL))
    tiny_run.train(tmp_path, *arguments, name="baseline", **SETTINGS | {"max_update": 8}).ok()
    last = tmp_path / "run" / work_folder.LAST
    half = last.read_bytes()[: last.stat().st_size // 2]
    last.unlink()
    last.write_bytes(half)
    result = tiny_run.train(tmp_path, *arguments, name="baseline", **SETTINGS).ok()
    assert "training goes on from checkpoint_previous.pt" in result.out
    assert losses(tmp_path)[12, "valid"] == pytest.approx(losses(undisturbed)[12, "valid"], abs=1e-4)


@pytest.mark.parametrize("stop", [False, True])
def test_two_processes_train_as_one(tiny_run: TinyRun, tmp_path: Path, stop: bool) -> None:
    """One micro-batch on each of two processes, or two on one: the same updates; all processes stop together."""
    calm = SETTINGS | {"dropout": 0, "attention_dropout": 0, "max_update": 4}
    tiny_run.train(tmp_path, "--model", json.dumps(MODEL), name="one", **calm).ok()
    job = json.loads((tmp_path / "run/job.json").read_text(encoding="utf-8"))
    both = tmp_path / "both"
    both.mkdir()
    job["arguments"] = [
        argument.replace(str(tmp_path / "run"), str(both)).replace("--update-freq=2", "--update-freq=1")
        for argument in job["arguments"]
    ]
    job |= {"folder": str(both), "log": str(both / "fairseq.log")}
    (both / "job.json").write_text(json.dumps(job), encoding="utf-8")
    if stop:
        (both / work_folder.STOP).touch()
    launched = command(["workflow_scripts.fairseq_plugin.training", str(both / "job.json")], 2, 1, None)
    done = subprocess.run(launched, cwd=ROOT, check=False, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr[-3000:]
    state = work_folder.reached(both)
    if stop:
        assert (state["update"], state["over"]) == (1, False)
        return
    assert (state["update"], state["over"]) == (4, True)
    assert state["validations"] == [[4, pytest.approx(losses(tmp_path)[4, "valid"], abs=2e-3)]]
