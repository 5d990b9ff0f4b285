"""A training that is cut off by its time limit twice and preempted once, beside one that nothing disturbs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.slurm.conftest import Site, processes, wait_for
from workflow_scripts.formats import checkpoint as checkpoints
from workflow_scripts.training import course, work_folder

RUN = "results/tiny/systems/ns"
TARGET = f"{RUN}/checkpoint.pt"
# Copied files have no record of what made them.
ONLY = ("--rerun-triggers", "mtime", "--retries", "0", "--nolock")


def cut_off_and_compare(source: Site, site: Site) -> dict[str, object]:
    """Train system `ns` of `source`'s run again in `site`, and once more undisturbed; what came of both."""
    results = site.folder / "results/tiny"
    shutil.copytree(source.folder / "results/tiny", results)
    shutil.rmtree(results / "systems/ns")
    _configure(site, 10**6)
    controller = site.start("--profile", "slurm", TARGET, "--configfile", "endless.yaml", *ONLY)
    for turn in (1, 2):
        _await_progress(site, turn)
        _rest_until_warned(site)
        wait_for(lambda turn=turn: _restarts(site) >= turn, "the job is put back into the queue", 60)
    # The third turn is ended by preemption: SLURM ends the job and puts it back into the queue.
    _await_progress(site, 3)
    subprocess.run(["scontrol", "requeue", site.jobs("specialize")[0].number], check=True)
    _await_progress(site, 4)
    controller.send_signal(signal.SIGINT)
    wait_for(lambda: not site.queue(), "Ctrl-C ends the fourth turn", 90)
    # It would sleep until its next look at the queue, up to three minutes.
    controller.kill()
    controller.wait()
    _configure(site, _update(site) + 30)
    code, said = site.run("--profile", "slurm", TARGET, "--configfile", "endless.yaml", *ONLY)
    assert code == 0, said[-3000:]
    undisturbed = _undisturbed(site)
    return {
        "jobs": site.jobs("specialize"),
        "controllers": 2,
        "starts": _starts(site),
        "updates": _provenance(site.folder / TARGET)["updates"],
        "reference_updates": json.loads((undisturbed / "state.json").read_text())["update"],
        "masks": _provenance(site.folder / TARGET)["masks"],
        "reference_masks": _provenance(source.folder / TARGET)["masks"],
        "loss": _losses(site.folder / RUN / "run")[-1],
        "reference_loss": _losses(undisturbed)[-1],
        "largest_difference": _difference(site.folder / TARGET, undisturbed),
    }


def _configure(site: Site, updates: int) -> None:
    text = (site.folder / "tests/slurm/tiny.yaml").read_text(encoding="utf-8")
    changed = text.replace("max_update: 20", f"max_update: {updates}").replace(
        "validate_every: 20", "validate_every: 100"
    )
    assert changed != text
    (site.folder / "endless.yaml").write_text(changed, encoding="utf-8")


def _restarts(site: Site) -> int:
    return max((int(job.fields["Restarts"]) for job in site.jobs("specialize")), default=0)


def _await_progress(site: Site, turn: int) -> None:
    """Wait until the turn of this number has made updates that the ones before had not, or is over already."""
    wait_for(lambda: len(_starts(site)) >= turn, f"turn {turn} begins", 200)
    first = _starts(site)[turn - 1]
    wait_for(lambda: _curve(site) > first or _restarts(site) >= turn, f"turn {turn} makes updates", 200)


def _rest_until_warned(site: Site) -> None:
    """Let the training make no updates before SLURM warns it: the undisturbed one has to make as many."""
    warned = site.folder / RUN / "run/stop"
    process = _training_process(site)
    if process is None or warned.exists():
        return
    os.kill(process, signal.SIGSTOP)
    wait_for(warned.exists, "SLURM warns that the time is nearly up", 150)
    os.kill(process, signal.SIGCONT)


def _training_process(site: Site) -> int | None:
    """The process that trains, if one does; jobs of this cluster run on this machine."""
    module = "workflow_scripts.fairseq_plugin.training"
    return next((number for number, words in processes(site.folder) if module in words), None)


def _starts(site: Site) -> list[int]:
    """The update at which each turn began."""
    path = site.folder / RUN / "run/starts.jsonl"
    return [json.loads(line)["update"] for line in path.read_text().splitlines()] if path.exists() else []


def _update(site: Site) -> int:
    return json.loads((site.folder / RUN / "run/state.json").read_text())["update"]


def _curve(site: Site) -> int:
    """The last update that was logged."""
    path = site.folder / RUN / "run/curve.jsonl"
    rows = path.read_text().splitlines() if path.exists() else []
    return max((json.loads(row)["update"] for row in rows), default=0)


def _undisturbed(site: Site) -> Path:
    """The same command as the last job's, by hand, in another folder."""
    job = json.loads((site.folder / RUN / "run/job.json").read_text())
    other = "undisturbed"
    job["arguments"] = [word.replace(f"{RUN}/run", other) for word in job["arguments"]]
    job |= {"folder": other, "log": f"{other}/fairseq.log"}
    (site.folder / other).mkdir()
    (site.folder / other / "job.json").write_text(json.dumps(job))
    done = site.module("workflow_scripts.fairseq_plugin.training", f"{other}/job.json")
    assert done.returncode == 0, done.stderr[-3000:]
    return site.folder / other


def _losses(folder: Path) -> list[float]:
    """Validation losses of a training, in order."""
    rows = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if row["split"] == "valid"]


def _provenance(checkpoint: Path) -> dict[str, object]:
    """What a published checkpoint says of itself."""
    return checkpoints.read_raw(checkpoint)[checkpoints.PROVENANCE]


def _difference(checkpoint: Path, folder: Path) -> float:
    """The largest difference between any two weights of a published checkpoint and of what `folder` would keep."""
    choice = course.Choice(**json.loads((folder / "job.json").read_text())["choice"])
    reached = work_folder.read_state(folder / work_folder.LAST)
    update = course.kept(reached, choice)
    kept = folder / work_folder.LAST if update == reached.update else work_folder.best(folder, update)
    one, two = (checkpoints.weights(checkpoints.read_raw(path)["model"]) for path in (checkpoint, kept))
    return max(float((one[name] - two[name]).abs().max()) for name in one)
