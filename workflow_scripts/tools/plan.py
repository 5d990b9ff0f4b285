"""What a run still costs: jobs, GPU-hours, wall time and disk, before anything is started.

    python -m workflow_scripts.tools.plan --configfile config/ec30.yaml --profile slurm        # `make plan CONFIG=…`

All arguments are Snakemake's. Times come from the run's own benchmark records (benchmarks/<run>), or those of the run
that NS_PLAN_LIKE names; where there are none, from defaults that the table marks with *. Writes no file.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.cluster import estimate
from workflow_scripts.cluster.snakemake_state import Job, due
from workflow_scripts.progress import duration
from workflow_scripts.run import Run


def expected(jobs: Sequence[Job], run: Run) -> list[estimate.Estimate]:
    """Seconds for each job."""
    recorded = estimate.records(Path("benchmarks") / os.environ.get("NS_PLAN_LIKE", run.name))
    weights = estimate.weights_of(run)
    return [estimate.estimate(job, run, recorded, weights) for job in jobs]


def table(jobs: Sequence[Job], times: Sequence[estimate.Estimate]) -> list[str]:
    """One line per stage: jobs, GPUs of each, GPU-hours, time of the longest; * where it is a default."""
    stages: dict[str, list[tuple[Job, estimate.Estimate]]] = defaultdict(list)
    for job, time in zip(jobs, times, strict=True):
        stages[job.stage].append((job, time))
    lines = [f"{'stage':<24}{'jobs':>6}{'GPUs each':>11}{'GPU-hours':>11}   longest job"]
    for stage, members in stages.items():
        hours = sum(job.gpus * time.seconds for job, time in members) / 3600
        mark = "*" if any(time.source == "default" for _, time in members) else ""
        longest = duration(max(time.seconds for _, time in members))
        lines.append(f"{stage:<24}{len(members):>6}{members[0][0].gpus:>11}{hours:>11.1f}   {longest}{mark}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _, arguments = parser.parse_known_args()
    found = due(arguments)
    run, jobs = found.run, found.left
    if not jobs:
        print("Nothing is left to do.")
        return
    times = expected(jobs, run)
    seconds = dict(enumerate(time.seconds for time in times))
    weights = estimate.weights_of(run)
    need, free = estimate.disk_bytes(jobs, weights) / 1e9, shutil.disk_usage(".").free / 1e9
    print("\n".join(table(jobs, times)))
    gpu_hours = sum(job.gpus * time.seconds for job, time in zip(jobs, times, strict=True)) / 3600
    print(
        f"\n{len(jobs)} jobs, {gpu_hours:,.1f} GPU-hours."
        f"\nWall time: {duration(estimate.longest_path(jobs, seconds))} when every job starts as soon as it can "
        f"(waiting in a queue comes on top), {duration(sum(seconds.values()))} one after the other."
        f"\nDisk: about {need:,.1f} GB for {weights / 1e6:,.1f} million weights (checkpoints); {free:,.1f} GB are free."
    )
    if any(time.source == "default" for time in times):
        minutes = ", ".join(f"{stage} {value:g}" for stage, value in estimate.MINUTES.items())
        print(
            "* by defaults, for want of records of this run: training reaches "
            f"{estimate.FLOPS['GPU'] / 1e12:g} TFLOP/s per GPU or {estimate.FLOPS['CPU'] / 1e9:g} GFLOP/s per CPU "
            f"process and makes all its updates; minutes per direction: {minutes}; {estimate.OTHER:g} for other jobs. "
            "NS_PLAN_LIKE=<run> takes the records of another run."
        )


if __name__ == "__main__":
    errors.run(main)
