"""The folder of a training: its checkpoints, the record of its starts, and what says that it shall stop.

`workflow_scripts.steps.train` looks after the folder before it starts a process with torch. The last checkpoint says
all there is to know of a training; the JSON files beside it are for people and for those who only ask how far it is.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workflow_scripts.errors import UserError
from workflow_scripts.files import json_lines, write_json
from workflow_scripts.formats.peek import peek
from workflow_scripts.training.course import Reached

LAST, PREVIOUS, BEST = "checkpoint_last.pt", "checkpoint_previous.pt", "checkpoint_best_{update}.pt"
TEMPORARY = ".checkpoint.tmp.pt"
KEY = "training"
"""Key of a checkpoint's `extra_state` under which it holds `Reached` as a plain dict."""
STOP = "stop"
"""A file of this name asks the training to save after the update at hand and to leave."""
STATE = "state.json"
"""What the last checkpoint says of the training, for those who would not open it: `Reached`, and whether it is over."""
STARTS = "starts.jsonl"
LOGGED = "curve.jsonl"
"""The numbers that the training's process logs."""
MOST_FRUITLESS = 3
"""Jobs in a row that may end without a new checkpoint before the training is given up."""


def best(folder: Path, update: int) -> Path:
    """The checkpoint after `update`, kept aside because it was the best."""
    return folder / BEST.format(update=update)


def aside(folder: Path) -> dict[int, Path]:
    """The checkpoints kept aside, by update, the newest first."""
    front, back = BEST.split("{update}")
    found = {path.name.removeprefix(front).removesuffix(back): path for path in folder.glob(BEST.format(update="*"))}
    return {int(update): found[update] for update in sorted(filter(str.isdigit, found), key=int, reverse=True)}


def link(source: Path, target: Path) -> None:
    """Let `target` be `source` as it is now, without copying where the file system can do that."""
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)
    # Where both were the same file already, nothing has been renamed.
    temporary.unlink(missing_ok=True)


def save(folder: Path, write: Callable[[Path], None], reached: Reached, before: int | None, over: bool) -> None:
    """Make the file that `write` writes the last checkpoint, and the one kept aside where it is the best.

    `before` is the update that was the best at the last save. A kill at any point leaves a last checkpoint with all
    that it refers to: what it needs is put in place before it, and what only older ones need is removed after it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / TEMPORARY)
    if reached.best == reached.update:
        link(folder / TEMPORARY, best(folder, reached.update))
    if (folder / LAST).exists():
        link(folder / LAST, folder / PREVIOUS)
    os.replace(folder / TEMPORARY, folder / LAST)
    write_state(folder, reached, over)
    for update, path in aside(folder).items():
        if update not in (reached.best, before):
            path.unlink()


def write_state(folder: Path, reached: Reached, over: bool) -> None:
    """Write state.json."""
    write_json(folder / STATE, asdict(reached) | {"over": over})


def read_state(path: Path) -> Reached | None:
    """How far the training was that wrote the checkpoint at `path`; None where there is none that says so."""
    extra = peek(path).get("extra_state")
    try:
        return Reached.read(extra[KEY])
    except (KeyError, TypeError, ValueError):
        return None


def intact(path: Path) -> bool:
    """Whether a checkpoint is there and every byte of it is as written (torch's files are zip files with checksums)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # a damaged file can make its parser fail in any way
        return False


def recover(folder: Path) -> str | None:
    """Set a damaged last checkpoint aside and go back to the newest intact one; says what was done, if anything."""
    last = folder / LAST
    if not last.exists() or (intact(last) and read_state(last)):
        return None
    os.replace(last, folder / f"{LAST}.damaged")
    for path in (folder / PREVIOUS, *aside(folder).values()):
        if intact(path) and read_state(path):
            link(path, last)
            return f"{last} was damaged and is set aside as {LAST}.damaged; training goes on from {path.name}"
    return f"{last} was damaged and is set aside as {LAST}.damaged; no older one is intact, so training starts anew"


def go_back(folder: Path) -> Reached | None:
    """Make the checkpoint before the last one the last again, and say how far it is; None where there is none."""
    previous, last = (read_state(folder / name) for name in (PREVIOUS, LAST))
    if not previous or not last or previous.update >= last.update or not intact(folder / PREVIOUS):
        return None
    link(folder / PREVIOUS, folder / LAST)
    return previous


def discard(folder: Path) -> None:
    """Remove a work folder, at once as far as the next start can see."""
    finish_discarding(folder)
    if folder.exists():
        folder.rename(_gone(folder))
        shutil.rmtree(_gone(folder))


def finish_discarding(folder: Path) -> None:
    """Remove what a kill has left of a work folder that was being removed."""
    shutil.rmtree(_gone(folder), ignore_errors=True)


def _gone(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.gone")


def reached(folder: Path) -> dict[str, Any]:
    """How far the training is, by its last checkpoint: update (0 before the first) and over, among others."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        return state | {"update": int(state["update"]), "over": bool(state["over"])}
    except (OSError, ValueError, KeyError, TypeError):
        found = read_state(folder / LAST)
        return {"update": found.update if found else 0, "over": False}


def record_start(folder: Path, job: str, update: int, continuations: int) -> None:
    """Note that SLURM job `job` starts at `update`. Raises `UserError` where coming back again is pointless.

    That is when the training has been continued `continuations` times, or when the last `MOST_FRUITLESS` jobs all
    started at this same update.
    """
    path = folder / STARTS
    starts = [start for start in json_lines(path) if {"job", "update"} <= start.keys()]
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
