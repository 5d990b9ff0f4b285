"""Check that this machine can run the pipeline, and say what to fix.

    python -m workflow_scripts.tools.doctor [--profile profiles/slurm/profile.yaml]        # `make doctor`

Looks at Python, the packages, torch and its GPUs, the tools, disk space, and SLURM: its commands, and whether the
cluster has the partitions, GPUs and account that the profile names. Exit code 1: something must be fixed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.cluster import checks

MARKS = {"ok": "ok  ", "warn": "note", "bad": "FIX "}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", type=Path, default=Path("profiles/slurm/profile.yaml"), help="profile to check")
    parser.add_argument("--disk", type=float, default=20, help="GB that should be free")
    args = parser.parse_args()
    found = [*checks.machine(args.disk), *checks.cluster(args.profile)]
    for check in found:
        print(f"{MARKS[check.state]}  {check.what}" + (f"\n      -> {check.advice}" if check.advice else ""))
    bad = sum(check.state == "bad" for check in found)
    print(f"\n{bad} thing(s) to fix." if bad else "\nAll is well.")
    return 1 if bad else 0


if __name__ == "__main__":
    errors.run(main)
