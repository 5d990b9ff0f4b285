"""Jobs that failed for good: a record of them, and what is said about them when Snakemake ends."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from workflow_scripts.files import as_written, read_json, write_json

LINES = 6
"""Lines of a failed job's own log that are shown."""
SLURM_LOGS = Path(".snakemake/slurm_logs")


@dataclass(frozen=True)
class Failure:
    """A job: its rule, wildcards, what it would have written, and its logs."""

    rule: str
    wildcards: dict[str, str]
    output: list[str]
    logs: list[str]


def write(jobs: Iterable[Failure], path: Path) -> None:
    """Keep the failed jobs for `status`."""
    write_json(path, [asdict(job) for job in jobs])


def read(path: Path) -> list[Failure]:
    """The jobs that failed when Snakemake last ended. Raises `UserError` where the file is damaged."""
    if not path.exists():
        return []
    with as_written(path):
        rows = read_json(path)
        if not isinstance(rows, list):
            raise ValueError("it is no list")
        return [
            Failure(str(row["rule"]), dict(row["wildcards"]), list(row["output"]), list(map(str, row["logs"])))
            for row in rows
        ]


def message(jobs: list[Failure], run: str) -> str:
    """What failed, how the log of each ends, where SLURM's own log is, and how to go on."""
    # Snakemake also ends like this without a failed job: told to stop, it lets what runs finish.
    lines = [f"Run {run} is not complete" + (f": {len(jobs)} job(s) failed." if jobs else ".")]
    for job in jobs:
        more = f" and {len(job.output) - 1} more" if len(job.output) > 1 else ""
        lines += [
            "",
            f"  {job.rule} {' '.join(map(str, job.wildcards.values()))}",
            f"    to write {next(iter(job.output), 'nothing')}{more}",
        ]
        for path in map(Path, job.logs):
            if path.is_file():
                tail = path.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:]
                lines += [f"    {path} ends with:", *(f"      | {line}" for line in tail)]
        if slurm := newest(job.rule):
            lines.append(f"    SLURM's log: {slurm}")
    lines += ["", "What does not depend on these is finished and kept. Start again to go on from here."]
    return "\n".join(lines)


def newest(rule: str) -> Path | None:
    """SLURM's log of the last job of a rule that was not successful (those of successful ones are removed)."""
    rule = glob.escape(rule)
    logs = [*(SLURM_LOGS / f"rule_{rule}").rglob("*.log"), *SLURM_LOGS.glob(f"group_*_{rule}*/**/*.log")]
    return max(logs, key=lambda path: path.stat().st_mtime, default=None)
