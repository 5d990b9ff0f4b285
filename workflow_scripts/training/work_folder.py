"""The folder of a training: its checkpoints, the record of its starts, and what says that it shall stop.

`workflow_scripts.steps.train` looks after the folder before it starts a process with torch.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from workflow_scripts.errors import UserError

LAST, PREVIOUS, BEST = "checkpoint_last.pt", "checkpoint_previous.pt", "checkpoint_best.pt"
STOP = "stop"
"""A file of this name asks the training to save after the update at hand and to leave."""
STATE = "state.json"
"""What the last checkpoint says of the training, for those who would not open it: update, best, waited, over."""
STARTS = "starts.jsonl"
MOST_FRUITLESS = 3
"""Jobs in a row that may end without a new checkpoint before the training is given up."""


def link(source: Path, target: Path) -> None:
    """Let `target` be `source` as it is now, without copying where the file system can do that."""
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)


def intact(path: Path) -> bool:
    """Whether a checkpoint is there and every byte of it is as written (torch's files are zip files with checksums)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError):
        return False


def recover(folder: Path) -> str | None:
    """Set a damaged last checkpoint aside and go back to the newest intact one; says what was done, if anything."""
    last = folder / LAST
    if not last.exists() or intact(last):
        return None
    os.replace(last, folder / f"{LAST}.damaged")
    (folder / STATE).unlink(missing_ok=True)
    for name in (PREVIOUS, BEST):
        if intact(folder / name):
            link(folder / name, last)
            return f"{last} was damaged and is set aside as {LAST}.damaged; training goes on from {name}"
    return f"{last} was damaged and is set aside as {LAST}.damaged; no older one is intact, so training starts anew"


def reached(folder: Path) -> dict[str, Any]:
    """How far the training is, by its last checkpoint: update (0 before the first), best, waited, over."""
    path = folder / STATE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"update": 0, "over": False}


def record_start(folder: Path, job: str, update: int, continuations: int) -> None:
    """Note that SLURM job `job` starts at `update`. Raises `UserError` where coming back again is pointless.

    That is when the training has been continued `continuations` times, or when the last `MOST_FRUITLESS` jobs all
    started at this same update.
    """
    path = folder / STARTS
    starts: list[dict[str, Any]] = (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )
    if len(starts) > continuations:
        raise UserError(
            f"{folder}: this training was continued {continuations} times and is at update {update}. To let it go on, "
            "raise jobs.continuations in the configuration, or give its jobs more time (runtime in the profile)"
        )
    recent = starts[-MOST_FRUITLESS:]
    if len(recent) == MOST_FRUITLESS and all(start["update"] == update for start in recent):
        raise UserError(
            f"{folder}: the last {MOST_FRUITLESS} jobs of this training (SLURM jobs "
            f"{', '.join(start['job'] for start in recent)}) made no progress: all began at update {update} and ended "
            "before a checkpoint. Look at fairseq.log there and at the job's log; give the jobs more time or memory "
            f"(profile), or lower training.validate_every; then remove {path} and start again"
        )
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"job": job, "update": update}) + "\n")
