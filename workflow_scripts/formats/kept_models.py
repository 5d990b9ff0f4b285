"""Converted models that are kept on disk: each is made once, and never seen half-written."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from workflow_scripts.errors import UserError
from workflow_scripts.files import digest, write_json

DESCRIPTION = "model.json"
"""What is in the model's folder beside CTranslate2's files: what it was made from, and what its maker says of it."""


def kept_model(folder: Path, made: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]) -> tuple[Path, Any]:
    """The model made from `made`, and what its maker said of it; `folder` holds no other.

    Is there none, `make` writes it into a new folder and returns what is worth knowing of it (JSON). One made from
    anything else is never used again, and removed then. Processes that want the same model wait for the first of them.
    """
    path = folder / digest(made)[:16]
    if not (path / DESCRIPTION).exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder):
                if not (path / DESCRIPTION).exists():
                    _write(folder, path, made, make)
        except OSError as error:
            raise UserError(f"{folder} keeps the converted model, but cannot be written: {error.strerror}") from None
    return path, json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))["model"]


def _write(folder: Path, path: Path, made: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]) -> None:
    for other in folder.iterdir():
        shutil.rmtree(other, ignore_errors=True)
    new = folder / f".{path.name}.tmp"
    new.mkdir()
    try:
        write_json(new / DESCRIPTION, {"made_from": made, "model": make(new)})
        new.replace(path)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process is within for this folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some file systems of clusters have no locks.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
