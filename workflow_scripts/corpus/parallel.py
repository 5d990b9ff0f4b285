"""Parallel text in a folder: `{split}.{a}-{b}.{language}[.gz]`, in either order of the pair, read line by line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.errors import UserError

SPLITS = ("train", "valid", "test")


def on_disk(directions: list[str], pivot: str) -> list[str]:
    """The pairs that hold the text of `directions`, pivot first, each once, in order: `["en-de"]` for de-en, en-de."""
    pairs = {}
    for direction in directions:
        first, second = direction.split("-")
        pairs[f"{second}-{first}" if second == pivot or f"{second}-{first}" in pairs else direction] = None
    return list(pairs)


def find(folder: str | Path, split: str, pair: str) -> tuple[Path, Path]:
    """The two files of a split, in the pair's order. Raises `UserError` naming what is missing."""
    first, second = pair.split("-")
    found = []
    for language in (first, second):
        names = [f"{split}.{name}.{language}" for name in (f"{first}-{second}", f"{second}-{first}")]
        there = [Path(folder) / (name + end) for name in names for end in ("", ".gz")]
        there = [path for path in there if path.is_file()]
        if not there:
            raise UserError(f"{folder}: there is no {names[0]} (nor .gz, nor {names[1]}); add it or leave out the pair")
        if len(there) > 1:
            raise UserError(f"{folder}: {' and '.join(path.name for path in there)} are both there; keep one of them")
        found += there
    return found[0], found[1]


def existing(folder: str | Path, pairs: list[str]) -> list[str]:
    """The files of `pairs` that are in `folder`; what is missing is for the check to say."""
    wanted = {frozenset(pair.split("-")) for pair in pairs}
    return sorted(
        str(path)
        for split in SPLITS
        for path in Path(folder).glob(f"{split}.*-*.*")
        if frozenset(path.name.split(".")[1].split("-")) in wanted and path.name.split(".")[3:] in ([], ["gz"])
    )


def needed(files: list[str], pair: str) -> list[str]:
    """Of all text files those that cleaning `pair` reads: its own, and the valid and test sets of every pair."""
    own = set(pair.split("-"))
    names = {file: Path(file).name.split(".") for file in files}
    return [file for file, (split, name, *_) in names.items() if split != "train" or set(name.split("-")) == own]


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
