"""How far a run is: what is done, running, queued, failed, and how long it still takes.

    python -m workflow_scripts.tools.status --configfile config/ec30.yaml --profile slurm     # `make status CONFIG=…`

All arguments are Snakemake's. Jobs in SLURM's queue are those submitted from this folder. Writes no file.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.cluster import estimate, failures
from workflow_scripts.cluster.queue import QueuedJob, queued
from workflow_scripts.cluster.snakemake_state import Job, due
from workflow_scripts.files import json_lines
from workflow_scripts.progress import duration
from workflow_scripts.run import Run
from workflow_scripts.tools.plan import expected
from workflow_scripts.training import work_folder


def stages(left: list[Job], every: list[Job]) -> list[str]:
    """One line per stage: how many of its jobs are done."""
    todo = Counter(job.stage for job in left)
    total = Counter(job.stage for job in every)
    return [f"  {stage:<24}{max(count - todo[stage], 0):>4} of {count:<4} done" for stage, count in total.items()]


def trainings(run: Run, jobs: list[Job]) -> list[str]:
    """Where each training that is not finished stands."""
    lines = []
    for job in jobs:
        if not (name := estimate.training_of(job)):
            continue
        work = Path(run.paths.work(name))
        state, total = work_folder.reached(work), run.training(name)["max_update"]
        rows = json_lines(work / work_folder.LOGGED)
        shown = max([state["update"], *(row["update"] for row in rows[-1:])])
        speed = next((row["ups"] for row in reversed(rows) if row.get("ups")), 0)
        left = f", {duration((total - shown) / speed)} at most at {speed:g} updates/s" if speed else ""
        if 0 < shown < total:
            lines.append(f"  {name}: update {shown:,} of {total:,} (saved: {state['update']:,}){left}")
    return lines


def queue_lines(jobs: list[QueuedJob]) -> list[str]:
    """Running jobs, then waiting ones."""
    return [
        f"  {job.number:>8}  {job.state:<10} {job.used:>10} used, {job.left:>10} left  {job.what}"
        for job in sorted(jobs, key=lambda job: job.state != "RUNNING")
    ]


def section(title: str, lines: list[str]) -> None:
    """Print a list under a title, or that there is none."""
    print(f"{title}:" if lines else f"{title}: none", *lines, sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _, arguments = parser.parse_known_args()
    found = due(arguments)
    run, every, left = found.run, found.every, found.left
    print(f"Run {run.name}: {len(every) - len(left)} of {len(every)} jobs are done.")
    section("Stages", stages(left, every))
    section("In SLURM's queue", queue_lines(queued(run.name, Path.cwd())))
    section("Trainings under way", trainings(run, left))
    section("Trained by other code than this", [f"  {line}" for line in run.stale_trainings()])
    failed = failures.read(Path(run.paths.logs) / "failed.json")
    rows = [f"  {job.rule} {' '.join(job.wildcards.values())}: see {', '.join(job.logs)}" for job in failed]
    section("Failed when Snakemake last ended", rows)
    if left:
        times = expected(left, run)
        seconds = dict(enumerate(time.seconds for time in times))
        guess = " (by defaults in part, see `make plan`)" if any(time.source == "default" for time in times) else ""
        print(f"Time left: about {duration(estimate.longest_path(left, seconds))} without waiting in queues{guess}.")


if __name__ == "__main__":
    errors.run(main)
