"""Reading lines of text, and what every reader here checks."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.errors import UserError


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """`(line number from 1, line)` of a UTF-8 text, packed with gzip or not; only LF (or CR LF) ends a line.

    Raises `UserError` naming the line when the text is not UTF-8 or the file is broken.
    """
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield number, line.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, line {number}: not UTF-8 ({error.reason}); convert the file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}, after line {number}: broken gzip file ({error}); copy it again") from None


def read_lines(path: Path) -> list[str]:
    """All lines of a text."""
    if not path.is_file():
        raise UserError(f"{path} does not exist")
    return [line for _, line in numbered_lines(path)]
