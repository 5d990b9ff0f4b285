"""Whether a training goes on with what its work folder holds, and why not where it does not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.batch import FORMAT
from workflow_scripts.errors import UserError
from workflow_scripts.files import write_json
from workflow_scripts.formats.peek import peek
from workflow_scripts.training import provenance, work_folder
from workflow_scripts.training.course import Choice, Reached, best_of, lacks_validation, over, regular, why_anew

SETTINGS = "settings.json"
"""What the training in a folder is made from, for as long as no checkpoint says so, and which job was to begin anew."""


@dataclass(frozen=True)
class Beginning:
    """A training that begins, or goes on, in the folder `work`."""

    name: str
    work: Path
    made: Mapping[str, Any]
    choice: Choice

    def by_this_code(self) -> bool:
        """Whether the folder holds this training, and this code alone has worked on it: it was asked for before."""
        reached = work_folder.read_state(self._last)
        return reached is not None and not self._changes(reached) and reached.codes == [self.made["code"]]

    def prepare(self, asked: bool, retrain: bool) -> Reached:
        """Make the folder one that can be gone on with, and say how far it is.

        It is emptied, and why is said, where it holds another training or one that can no longer end as if it had had
        these settings from the start; where the training is `asked` for again; and with `retrain` where other code has
        worked on it. Raises `UserError` for the folder of another version of this project.
        """
        self._refuse_other_format()
        if message := work_folder.recover(self.work):
            self._say(message)
        reached = work_folder.read_state(self._last)
        if reached and lacks_validation(reached, self.choice):
            reached = self._go_back(reached)
        reason = self._why_anew(reached, asked, retrain) if reached else None
        if reason:
            self._say(f"{reason}, so training starts anew")
        if reason or not (reached or self._settings().get("made") == provenance.trajectory(self.made)):
            work_folder.discard(self.work)
            reached = None
        record = {"made": provenance.trajectory(self.made), "asked": _job() if asked else None}
        write_json(self.work / SETTINGS, record)
        if reached:
            self._set_best_aside(reached)
            work_folder.write_state(self.work, reached, over(reached, self.choice))
        return reached or Reached()

    @property
    def _last(self) -> Path:
        return self.work / work_folder.LAST

    def _say(self, message: str) -> None:
        print(f"[{self.name}] {message}", flush=True)

    def _settings(self) -> dict[str, Any]:
        """What settings.json says; nothing where it is missing or damaged."""
        try:
            found = json.loads((self.work / SETTINGS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _changes(self, reached: Reached) -> list[str]:
        return provenance.changed(reached.made, provenance.trajectory(self.made))

    def _why_anew(self, reached: Reached, asked: bool, retrain: bool) -> str | None:
        # A job that SLURM has put back into the queue was asked once.
        if asked and not (_job() and self._settings().get("asked") == _job()):
            return "it is asked for again"
        if changes := self._changes(reached):
            return f"the settings have changed ({', '.join(changes)})"
        if retrain and reached.codes != [self.made["code"]]:
            return "its code has changed"
        there = [update for update, path in work_folder.aside(self.work).items() if work_folder.intact(path)]
        return why_anew(reached, self.choice, [reached.update, *there])

    def _go_back(self, reached: Reached) -> Reached:
        """The checkpoint before one that was saved exactly at what is the end now, to end with a validation."""
        before = work_folder.go_back(self.work)
        if before is None:
            return reached
        self._say(
            f"update {reached.update:,}, now the last, was saved without its validation; goes on from {before.update:,}"
        )
        return before

    def _set_best_aside(self, reached: Reached) -> None:
        """The last checkpoint may be the best of the validations that count now, and was not of those that did."""
        found = regular(reached.validations, self.choice.validate_every)
        if best_of(found) == reached.update and reached.update not in work_folder.aside(self.work):
            work_folder.link(self._last, work_folder.best(self.work, reached.update))

    def _refuse_other_format(self) -> None:
        """Raise `UserError` where the last checkpoint is whole, and of another version of this project."""
        extra = peek(self._last).get("extra_state")
        state = extra.get(work_folder.KEY) if isinstance(extra, dict) else None
        if isinstance(state, dict) and "update" in state and state.get("made", {}).get("format") != FORMAT:
            raise UserError(
                f"{self.work} was begun by another version of this project, which alone can go on with it; remove the "
                "folder to train from the start"
            )


def _job() -> str | None:
    return os.environ.get("SLURM_JOB_ID")
