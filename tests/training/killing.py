"""A kill between two operations on files, simulated: from a certain one on, none happens any more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

OPERATIONS = ("replace", "link", "rename", "unlink", "rmdir")


class Killed(BaseException):
    """What the process would not live to see."""


@contextmanager
def killed_at(number: int) -> Iterator[list[str]]:
    """The operation of this number (from 0), and all after it, raise `Killed`; yields the names of those before."""
    done: list[str] = []

    def fatal(name: str) -> Any:
        real = getattr(os, name)

        def operation(*args: Any, **kwargs: Any) -> Any:
            if len(done) >= number:
                raise Killed
            done.append(name)
            return real(*args, **kwargs)

        return operation

    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, fatal(name))
        yield done
