"""Errors meant for people, and how a command reports them."""

from __future__ import annotations

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the user can mend: the message says what is wrong, where, and what to do."""


def run(main: Callable[[], int | None]) -> None:
    """Run a command's `main`; a `UserError` becomes one readable message on stderr and exit code 2.

    So does the want of a package that is installed only where models are read.
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
    print(f"error: {said}", file=sys.stderr)
    sys.exit(2)
