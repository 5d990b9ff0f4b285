"""Errors meant for people, and how a command reports them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

SAID = 2
"""Exit code of a command that has said in one message what is wrong."""
DEBUG = "NS_DEBUG"
"""Set to anything, this environment variable lets tracebacks through."""
REMEDIES = {
    errno.ENOSPC: "make room on that disk; the same command then goes on",
    errno.EDQUOT: "your quota is used up: make room; the same command then goes on",
    errno.EFBIG: "a limit on the size of files (ulimit -f) is in the way",
    errno.EACCES: "change the permissions, or take another folder",
    errno.EPERM: "change the permissions, or take another folder",
    errno.EROFS: "that disk is read-only: take another folder",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENAMETOOLONG: "choose a shorter name",
}
"""What to do about an error of the system."""


class UserError(Exception):
    """Something the user can mend: the message says what is wrong, where, and what to do."""


def run(main: Callable[[], int | None]) -> None:
    """Run a command's `main`; a `UserError` becomes one readable message on stderr and exit code 2.

    So does the want of a package that is installed only where models are read, of disk, permissions or memory, and
    whatever else the system refuses; with `NS_DEBUG` set, all but the first are shown as they are.
    """
    try:
        sys.exit(main() or 0)
    except UserError as error:
        said = str(error)
    except ModuleNotFoundError as error:
        from workflow_scripts import installation

        module = (error.name or "").partition(".")[0]
        if module not in installation.MODULES_OF_EXTRA:
            raise
        said = installation.lack(module)
    except (OSError, MemoryError) as error:
        if os.environ.get(DEBUG) or isinstance(error, BrokenPipeError):
            raise
        said = _said(error)
    print(f"error: {said}", file=sys.stderr)
    sys.exit(SAID)


def _said(error: OSError | MemoryError) -> str:
    """An error of the system in a line: the file, what is wrong with it, and what to do."""
    if isinstance(error, MemoryError):
        return "the memory is used up; give the job more (profile), or make batches smaller (max_tokens)"
    names = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    remedy = REMEDIES.get(error.errno or 0, f"set {DEBUG}=1 to see where")
    return f"{names + ': ' if names else ''}{error.strerror or error}; {remedy}"
