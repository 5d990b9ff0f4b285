"""How long jobs take and how much they write: from records of earlier runs, else from defaults that are stated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.cluster.snakemake_state import Job
from workflow_scripts.files import json_lines
from workflow_scripts.run import Run
from workflow_scripts.training.work_folder import reached

MINUTES = {
    "record": 0.5,
    "decode": 2.0,
    "score": 0.3,
    "score_comet": 2.0,
    "significance": 0.5,
    "clean": 2.0,
    "crossed": 10.0,
}
"""Default minutes per direction; a job of any other stage takes `OTHER` minutes."""
OTHER = 3.0
PAPER_WEIGHTS = 240_000_000
"""Of the paper's mT-big, where a given checkpoint is not here yet."""
FLOPS = {"GPU": 4e13, "CPU": 2e10}
"""Useful floating-point operations per second that training is assumed to reach on one GPU, or in one CPU process."""


@dataclass(frozen=True)
class Estimate:
    """Seconds a job is expected to take, and whence: its own `record`, those of its `stage`, or a `default`."""

    seconds: float
    source: str


def parameters(model: Mapping[str, Any], vocabulary: int) -> int:
    """Weights of the Transformer: an embedding table a side, attention (4 d² each) and feed-forward (2 d F)."""
    d, f, layers = model["dim"], model["ffn_dim"], model["layers"]
    tables = 1 if model["share_embeddings"] == "all" else 2
    return tables * vocabulary * d + layers * (4 * d * d + 2 * d * f) + layers * (8 * d * d + 2 * d * f)


def training_seconds(settings: Mapping[str, Any], weights: int, done: int = 0) -> float:
    """6 operations per weight and token (forward and backward) for the updates after `done`."""
    processors = max(settings["gpus"], 1) * settings["nodes"]
    speed = FLOPS["GPU" if settings["gpus"] else "CPU"] * processors
    return max(settings["max_update"] - done, 0) * settings["tokens_per_update"] * 6 * weights / speed


def records(folder: Path) -> dict[str, list[float]]:
    """Seconds of every job recorded below `benchmarks/<run>`, by benchmark file (path below `folder`)."""
    found = defaultdict(list)
    for path in sorted(folder.rglob("*.jsonl")):
        for row in json_lines(path):
            # Very short jobs have `NA`.
            if isinstance(seconds := row.get("s"), (int, float)):
                found[str(path.relative_to(folder))].append(float(seconds))
    return dict(found)


def training_of(job: Job) -> str | None:
    """What a job trains: `baseline`, a system's name, or None."""
    return {"baseline": "baseline", "specialize": job.wildcards.get("system")}.get(job.stage)


def made(job: Job, run: Run) -> int:
    """Updates that a training has made already; 0 for other jobs."""
    name = training_of(job)
    return reached(Path(run.paths.work(name)))["update"] if name else 0


def estimate(job: Job, run: Run, recorded: Mapping[str, Sequence[float]], weights: int) -> Estimate:
    """Seconds for a job of `run`; `recorded` as from `records`."""
    own, done = "/".join(Path(job.benchmark).parts[-2:]), made(job, run)
    if own in recorded and not done:
        return Estimate(recorded[own][-1], "record")
    alike = [seconds for path, values in recorded.items() if path.split("/")[0] == job.stage for seconds in values]
    if alike and not done:
        return Estimate(sum(alike) / len(alike), "stage")
    if name := training_of(job):
        return Estimate(training_seconds(run.training(name), weights, done), "default")
    minutes = MINUTES[job.stage] * job.items if job.stage in MINUTES else OTHER
    return Estimate(60 * minutes, "default")


def longest_path(jobs: Sequence[Job], seconds: Mapping[int, float]) -> float:
    """Seconds from start to end when every job runs as soon as its inputs are there; `seconds[index of job]`."""
    writer = {name: index for index, job in enumerate(jobs) for name in job.outputs}
    ends: dict[int, float] = {}

    def end(index: int) -> float:
        if index not in ends:
            before = {writer[name] for name in jobs[index].inputs if name in writer}
            ends[index] = max(map(end, before), default=0.0) + seconds[index]
        return ends[index]

    return max(map(end, range(len(jobs))), default=0.0)


def disk_bytes(jobs: Iterable[Job], weights: int) -> int:
    """Bytes that trainings leave: three checkpoints with both moments of Adam, and the weights alone (float32)."""
    return sum(4 * weights * (3 * 3 + 1) for job in jobs if training_of(job))


def weights_of(run: Run) -> int:
    """Weights of the run's model: by the configuration where it is trained, else by its checkpoint's size."""
    checkpoint = Path(run.paths.baseline)
    if run.baseline_is_trained:
        return parameters(run.config["model"], run.config["data"]["sentencepiece"]["size"])
    return checkpoint.stat().st_size // 4 if checkpoint.exists() else PAPER_WEIGHTS
