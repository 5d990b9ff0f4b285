"""Find the jobs that a killed Snakemake has left in SLURM's queue, and cancel them or wait for them.

    python -m workflow_scripts.tools.orphans --run ec30             # list them, and say what to do
    python -m workflow_scripts.tools.orphans --run ec30 --wait      # return when none is left
    python -m workflow_scripts.tools.orphans --run ec30 --cancel

Looks for jobs submitted from this folder. Writes no file. Exit code 1: there are some (without --wait or --cancel).
"""

from __future__ import annotations

import argparse
import subprocess
import time
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.cluster.queue import orphans_message, queued


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="the configuration's key `run`")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--wait", action="store_true", help="return when the last of them has ended")
    what.add_argument("--cancel", action="store_true", help="cancel them")
    parser.add_argument("--interval", type=float, default=20, help="seconds between looks while waiting")
    args = parser.parse_args()
    jobs = queued(args.run, Path.cwd())
    if not jobs:
        print(f"no jobs of run {args.run} are in SLURM's queue")
        return 0
    if args.cancel:
        subprocess.run(["scancel", *(job.number for job in jobs)], check=True)
        print(f"cancelled {len(jobs)} job(s)")
        return 0
    if not args.wait:
        print(orphans_message(jobs, args.run))
        return 1
    while jobs:
        print(f"waiting for {len(jobs)} job(s): {', '.join(job.what for job in jobs)}", flush=True)
        time.sleep(args.interval)
        jobs = queued(args.run, Path.cwd())
    return 0


if __name__ == "__main__":
    errors.run(main)
