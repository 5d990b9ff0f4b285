"""A malformed input, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.errors import UserError

CONFIGURATION = "with the configuration"
BEFORE = "before training"
READING = "when it is read"
"""Files that the run itself has made: nobody can have looked at them before."""


@dataclass(frozen=True)
class Bad:
    """A malformed input: `attempt` is given an empty folder and must raise `UserError` with the words `says`.

    `when` it is refused: with the configuration (and so in a dry run), or by the step that reads it.
    """

    group: str
    name: str
    attempt: Callable[[Path], Any]
    says: str
    when: str = CONFIGURATION

    def outcome(self, folder: Path) -> str:
        """What became of it: refused, in other words, accepted, or the name of what was raised instead."""
        try:
            self.attempt(folder)
        except UserError as error:
            return "refused" if self.says in str(error) else f"in other words: {error}"
        except Exception as error:
            return f"traceback: {type(error).__name__}: {error}"
        return "accepted"


def of_file(name: str, content: bytes, read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """An attempt: a file of this content, and who reads it."""

    def attempt(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        read(path)

    return attempt
