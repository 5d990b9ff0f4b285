"""Errors meant for people, and how a command reports them."""

from __future__ import annotations

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the user can mend: the message says what is wrong, where, and what to do."""


def run(main: Callable[[], int | None]) -> None:
    """Run a command's `main`; a `UserError` becomes one readable message on stderr and exit code 2."""
    try:
        sys.exit(main() or 0)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
