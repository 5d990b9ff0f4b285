"""Small helpers for files: atomic replacement, digests, and the version of the code that wrote them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts import __version__
from workflow_scripts.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 2
"""Version of the layout of files; in the metadata of every Parquet file and part of all `made_from`."""
TEMPORARY = re.compile(r"\..*\.(?P<machine>[^.]+)-(?P<pid>\d+)\.tmp(?:\..*)?")
"""Names of what is not finished: by a process of a machine, since folders may be shared by several."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path` at once, on failure it is removed.

    The parent folder is made if need be. The temporary name keeps the suffix of `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_of(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_of(path: Path) -> Path:
    """The name beside `path` under which this process writes what is to replace it.

    What killed processes have left in that folder under such names is removed.
    """
    sweep(path.parent)
    return path.with_name(f".{path.stem}.{_machine()}-{os.getpid()}.tmp{path.suffix}")


@cache
def sweep(folder: Path) -> None:
    """Remove what killed processes of this machine have left in `folder` under temporary names; once a process."""
    for path in folder.glob(".*.tmp*"):
        found = TEMPORARY.fullmatch(path.name)
        if found and found["machine"] == _machine() and not _alive(int(found["pid"])):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _machine() -> str:
    return socket.gethostname().split(".")[0]


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 with LF line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


SEAL = "content_sha256"
"""Key of the digest of all else in an artefact, by which an edit by hand is found."""


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` with the digest of all of it that is not the seal, as it is read again from JSON."""
    rest = {key: value for key, value in content.items() if key != SEAL}
    return {**rest, SEAL: digest(json.loads(json.dumps(rest)))}


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as JSON: sorted keys, two spaces, UTF-8, a newline at the end; atomically.

    An object that says what it was made from is sealed.
    """
    if isinstance(content, dict) and "made_from" in content:
        content = sealed(content)
    write_text(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> Any:
    """What `write_json` wrote. Raises `UserError` where the file is missing, or no JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged, or was changed by hand ({error}): remove it, and start again") from None


@contextmanager
def as_written(path: str | Path) -> Iterator[None]:
    """Raise `UserError` where what was read from `path` has not the shape that the pipeline gives it."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
        raise UserError(f"{path} is damaged, or was changed by hand ({reason}): remove it, and start again") from None


def number(value: Any) -> float:
    """`value` as it is, where it is a number. Raises TypeError for anything else."""
    if not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is no number")
    return value


def read_csv(path: str | Path, **options: Any) -> pd.DataFrame:
    """A table, as pandas reads it with `options`. Raises `UserError` where the file is none in UTF-8."""
    import pandas as pd

    with as_written(path):
        return pd.read_csv(path, **options)


def json_lines(path: str | Path) -> list[dict[str, Any]]:
    """The objects in a file of JSON lines; a line that a kill has left half-written is passed over."""
    path = Path(path)
    return list(_objects(path.read_text(encoding="utf-8", errors="replace").splitlines())) if path.exists() else []


def _objects(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal. Raises `UserError` when there is no such file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None


def digest(content: Any) -> str:
    """SHA-256 of `content` as canonical JSON (sorted keys, no white space)."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@cache
def code_version() -> str:
    """The package's version, with the commit where the code is a git checkout: `1.0.0+g1a2b3c4`."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return __version__
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{__version__}+g{result.stdout.strip()}" if result.returncode == 0 else __version__
