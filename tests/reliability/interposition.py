"""Counts the operations of a process on the names of files, and kills it by SIGKILL before or after the n-th of them.

Found by interposition: whatever is written later is covered, too. A copy of this file as `sitecustomize.py` on Python's
path does it in every process that finds `INTERPOSED` in its environment; others call `install`.
"""

from __future__ import annotations

import builtins
import contextlib
import fcntl
import functools
import hashlib
import io
import json
import os
import shutil  # noqa: F401 - decides by the functions it finds how trees are removed: it must find the real ones
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

VARIABLE = "INTERPOSED"
"""Environment variable with the keywords of `Interposition` as JSON."""
NAMES = {
    "replace": ("src_dir_fd", "dst_dir_fd"),
    "rename": ("src_dir_fd", "dst_dir_fd"),
    "link": ("src_dir_fd", "dst_dir_fd"),
    "symlink": (None, "dir_fd"),
    "unlink": ("dir_fd",),
    "remove": ("dir_fd",),
    "rmdir": ("dir_fd",),
    "mkdir": ("dir_fd",),
    "truncate": (None,),
    "ftruncate": (None,),
}
"""The functions of `os` that are counted: for each argument that names a file, the keyword of its folder."""
OVERWRITING = frozenset("wax+")
"""A file opened with such a mode under a name that is not hidden has lost what it held, or is not yet whole."""
PATHLESS = ("code",)
"""Folders whose files say nothing of a run."""


class Interposition:
    """Watches the operations below `folder`, and appends each, with the state of the folder, to `log`.

    `kill` (`{"process": "decode", "number": 3}`) says at which of the windows of a process it is killed: of its k-th
    operation (from 0), 2k is before and 2k + 1 after. `group`: with all processes of its group.
    """

    def __init__(self, folder: str, log: str, kill: dict[str, Any] | None = None, group: bool = False) -> None:
        self.folder, self.log, self.kill, self.group = os.path.realpath(folder), log, kill, group
        self.process, self.lock = process_name(), threading.RLock()
        self.real = {name: getattr(os, name) for name in NAMES}

    def inside(self, paths: list[Any]) -> str | None:
        """The first of `paths` that lies below the folder, relative to it; None where none does."""
        for path in paths:
            with contextlib.suppress(OSError, TypeError, ValueError):
                path = os.fsdecode(path)
                parent, name = os.path.split(path)
                found = os.path.relpath(os.path.join(os.path.realpath(parent or "."), name), self.folder)
                if not found.startswith("..") and found.split(os.sep)[0] not in PATHLESS:
                    return found
        return None

    def window(self, operation: str, moment: str, path: str) -> None:
        """Count a window; the process may end here."""
        with self.lock, open_(f"{self.log}.{self.process}", "ab") as counter:
            fcntl.flock(counter, fcntl.LOCK_EX)
            number = os.fstat(counter.fileno()).st_size
            counter.write(b".")
            counter.flush()
            fatal = self.kill == {"process": self.process, "number": number}
            found = {"process": self.process, "number": number, "operation": operation, "moment": moment, "path": path}
            if fatal or not self.kill:
                line = json.dumps(found | {"killed": fatal, "state": "" if fatal else state(self.folder)})
                with open_(self.log, "a") as file:
                    file.write(line + "\n")
        if fatal:
            (os.killpg if self.group else os.kill)(os.getpgrp() if self.group else os.getpid(), signal.SIGKILL)

    def wrapped(self, name: str, folders: tuple[str | None, ...]) -> Callable[..., Any]:
        """A function of `os` with a window before and one after it."""
        real = self.real[name]

        @functools.wraps(real)
        def operation(*args: Any, **kwargs: Any) -> Any:
            paths = [below(path, kwargs.get(key)) for path, key in zip(args, folders, strict=False)]
            path = self.inside(paths[::-1])
            if path is None:
                return real(*args, **kwargs)
            self.window(name, "before", path)
            try:
                return real(*args, **kwargs)
            finally:
                self.window(name, "after", path)

        return operation

    def opening(self, *args: Any, **kwargs: Any) -> Any:
        """`open`, with a window after it where it has emptied or made a file under its final name."""
        opened = open_(*args, **kwargs)
        mode = kwargs.get("mode", args[1] if len(args) > 1 else "r")
        file = kwargs.get("file", args[0] if args else None)
        if OVERWRITING & set(mode) and not isinstance(file, int):
            path = self.inside([file])
            if path and not os.path.basename(path).startswith("."):
                self.window("open", "after", path)
        return opened

    def install(self) -> None:
        """Put the wrapped functions in place of the real ones, and among those that take what the real ones take."""
        for name, folders in NAMES.items():
            operation = self.wrapped(name, folders)
            for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
                if self.real[name] in able:
                    able.add(operation)
            setattr(os, name, operation)
        builtins.open = io.open = self.opening


open_ = open


def below(path: Any, folder: int | None) -> Any:
    """A path given relative to an open folder, or of an open file."""
    if isinstance(path, int):
        return os.readlink(f"/proc/self/fd/{path}")
    return path if folder is None else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))


def process_name() -> str:
    """What this process does: `decode` of `python -m workflow_scripts.steps.decode`."""
    words = getattr(sys, "orig_argv", sys.argv)
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else os.path.basename(words[0] if words else "python")
    return module.rpartition(".")[2]


def state(folder: str) -> str:
    """A digest of which files a folder has: two moments without a change between them have the same."""
    return hashlib.sha256("\n".join(sorted(entries(folder))).encode(errors="surrogateescape")).hexdigest()[:16]


def entries(folder: str, top: bool = True) -> Iterator[str]:
    """Each file and folder below a folder: its name, size, inode and time."""
    with os.scandir(folder) as found:
        for entry in found:
            if top and entry.name in PATHLESS:
                continue
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    yield entry.path
                    yield from entries(entry.path, top=False)
                else:
                    at = entry.stat(follow_symlinks=False)
                    yield f"{entry.path} {at.st_size} {at.st_ino} {at.st_mtime_ns}"


_installed: list[Interposition] = []


def install(settings: dict[str, Any], process: str | None = None) -> None:
    """Begin to count in this process, by the keywords of `Interposition`; `process` is what it does.

    Where that was begun already, before a fork, it is only called by the new name.
    """
    if not _installed:
        _installed.append(Interposition(**settings))
        _installed[0].install()
    _installed[0].process = process or _installed[0].process


if __name__ == "sitecustomize" and VARIABLE in os.environ:
    install(json.loads(os.environ[VARIABLE]))
