"""Parallel text in a folder: `{split}.{a}-{b}.{language}[.gz]`, in either order of the pair, read line by line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError

SPLITS = ("train", "valid")
"""What training depends on. Test sets are apart, in `test_sets`."""


def file_name(split: str, pair: Direction, language: str) -> str:
    """The name of one side of a pair, `train.en-de.de`."""
    return f"{split}.{pair}.{language}"


def candidates(folder: str | Path, split: str, pair: Direction, language: str) -> list[Path]:
    """The names under which one side of a pair may lie there."""
    names = [file_name(split, order, language) for order in (pair, pair.reverse)]
    return [Path(folder) / (name + end) for name in names for end in ("", ".gz")]


def only(there: list[Path]) -> Path:
    """The one file of a list that is not empty. Raises `UserError` where there are more."""
    if len(there) > 1:
        names = " and ".join(path.name for path in there)
        raise UserError(f"{there[0].parent}: {names} are both there; keep one of them")
    return there[0]


def find(folder: str | Path, split: str, pair: Direction) -> tuple[Path, Path]:
    """The two files of a split, in the pair's order. Raises `UserError` naming what is missing."""
    found = []
    for language in pair.languages:
        paths = candidates(folder, split, pair, language)
        there = [path for path in paths if path.is_file()]
        if not there:
            first, other = paths[0].name, paths[2].name
            raise UserError(f"{folder}: there is no {first} (nor .gz, nor {other}); add it or leave out the pair")
        found.append(only(there))
    return found[0], found[1]


def existing(folder: str | Path, pairs: Iterable[Direction], splits: Iterable[str] = SPLITS) -> list[str]:
    """The files of `pairs` that are in `folder`, sorted; what is missing is for the check to say."""
    splits = list(splits)
    return sorted(
        str(path)
        for pair in pairs
        for split in splits
        for language in pair.languages
        for path in candidates(folder, split, pair, language)
        if path.is_file()
    )


def read_lines(path: str | Path) -> Iterator[str]:
    """The lines of a UTF-8 file, plain or gzip, without their line feed; only a line feed ends a line.

    Raises `UserError` naming the file, and the line, that cannot be read.
    """
    path, number = Path(path), 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007
                yield line.removesuffix(b"\n").decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {number}: not UTF-8 ({error.reason} at byte {error.start + 1}); "
            f"convert the file, for example with iconv -f ENCODING -t UTF-8"
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}, after line {number}: damaged gzip file ({error}); get the file again") from error
