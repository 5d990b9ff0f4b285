"""`results/<run>/digests.jsonl`: what every job read and wrote, by content, as it was when the job had ended.

A line per job, added by the Snakemake that the user started. Whatever is changed later, by hand or otherwise and with
whatever time stamp, is found by it (`make verify`). Nothing is made again because of it, and a run without it is whole.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.errors import UserError
from workflow_scripts.files import json_lines, sha256, write_text

Seen = list
"""SHA-256, size in bytes and time in nanoseconds of a file: as long as size and time are the same, so is the digest."""


@dataclass(frozen=True)
class Job:
    """A job that has ended: its rule, and the digests of the files that it read and wrote, by path."""

    rule: str
    inputs: Mapping[str, Seen]
    outputs: Mapping[str, Seen]


class KeptDigests:
    """The digests of a run, in the file at `path`. Folders have none: what lies in them has a manifest."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        rows = [job for row in json_lines(self.path) if (job := _job(row))]
        self.last = {name: job for job in rows for name in job.outputs}
        self._known = {name: seen for job in rows for name, seen in {**job.inputs, **job.outputs}.items()}
        self._lines = len(rows)

    def add(self, rule: str, inputs: Iterable[str], outputs: Iterable[str]) -> None:
        """Note what a job that has just ended read and wrote, as far as it is there.

        Where that cannot be read or noted (a full disk, say) the run goes on without it.
        """
        with contextlib.suppress(OSError, UserError):
            self._add(rule, inputs, outputs)

    def _add(self, rule: str, inputs: Iterable[str], outputs: Iterable[str]) -> None:
        job = Job(rule, self._digests(inputs), self._digests(outputs))
        if not job.outputs:
            return
        self._compact()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            # Before it, too: a kill may have cut the line before short.
            file.write("\n" + _line(job))
        self.last |= dict.fromkeys(job.outputs, job)

    def _compact(self) -> None:
        """Leave out lines that later ones have replaced, once they are more than half of what an earlier start left."""
        kept = {id(job): job for job in self.last.values()}
        if len(kept) < self._lines // 2:
            write_text(self.path, "".join(map(_line, kept.values())))
        self._lines = 0

    def _digests(self, names: Iterable[str]) -> dict[str, Seen]:
        return {name: self._digest(name) for name in sorted(set(names)) if Path(name).is_file()}

    def _digest(self, name: str) -> Seen:
        now = Path(name).stat()
        place = [now.st_size, now.st_mtime_ns]
        if self._known.get(name, [])[1:] != place:
            self._known[name] = [sha256(name), *place]
        return self._known[name]


def _line(job: Job) -> str:
    return json.dumps(vars(job), ensure_ascii=False) + "\n"


def _job(row: Mapping) -> Job | None:
    """A line of the file; None for one that is something else."""
    try:
        job = Job(str(row["rule"]), dict(row["inputs"]), dict(row["outputs"]))
    except (KeyError, TypeError, ValueError):
        return None
    digests = [*job.inputs.values(), *job.outputs.values()]
    return job if all(isinstance(seen, list) and len(seen) == 3 for seen in digests) else None
