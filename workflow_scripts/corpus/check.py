"""Check parallel text before anything long starts: every file there, readable, of equal length, without empty sides."""

from __future__ import annotations

import re
from pathlib import Path

from workflow_scripts.corpus import parallel, test_sets
from workflow_scripts.corpus.normalize import has_text
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError

# White space apart, no control character belongs in text.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
SHOWN = 20


def check_file(path: Path, split: str) -> int:
    """The number of lines of a file, or `UserError` for the first line that cannot be used.

    Training text may hold empty lines and stray control characters: cleaning takes care of them. In valid and test,
    where no line may be dropped, they are refused.
    """
    strict = split != "train"
    number, some = 0, False
    for number, line in enumerate(parallel.read_lines(path), start=1):
        where = f"{path}, line {number}"
        if "\r" in line:
            raise UserError(f"{where}: holds a carriage return; end lines with a line feed alone (dos2unix)")
        if "\0" in line:
            raise UserError(f"{where}: holds a NUL character; is the file UTF-16? (iconv -f UTF-16 -t UTF-8)")
        some = some or has_text(line)
        if strict and not has_text(line):
            raise UserError(f"{where}: is empty; remove the line from both sides of the {split} set")
        if strict and (found := CONTROL.search(line)):
            raise UserError(f"{where}: holds the control character U+{ord(found[0]):04X}; remove it")
    if not number:
        raise UserError(f"{path}: the file is empty; fill it or leave out the pair")
    if not some:
        raise UserError(f"{path}: has only empty lines; fill it or leave out the pair")
    return number


def _refuse(problems: list[str]) -> None:
    if problems:
        more = [f"… and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise UserError("the text cannot be used:\n  " + "\n  ".join([*problems[:SHOWN], *more]))


def find_text(folder: Path, pairs: list[Direction], splits: list[str]) -> dict[tuple[str, str], tuple[Path, Path]]:
    """The two files of each pair and split. Raises one `UserError` with all that are missing.

    Without train among `splits` it is a test set, which may lie in any of its layouts.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; set text (--config text=FOLDER)")
    find = parallel.find if "train" in splits else test_sets.find
    files, problems = {}, []
    for pair in pairs:
        for split in splits:
            try:
                files[str(pair), split] = find(folder, split, pair)
            except UserError as error:
                problems.append(str(error))
    _refuse(problems)
    return files


def check_text(folder: Path, pairs: list[Direction], splits: list[str]) -> dict[str, dict[str, int]]:
    """Lines per pair and split. Raises one `UserError` with every problem: first of missing files, then of content."""
    problems: list[str] = []
    lines: dict[str, dict[str, int]] = {}
    for (pair, split), paths in find_text(folder, pairs, splits).items():
        try:
            lines.setdefault(pair, {})[split] = check_sides(paths, split)
        except UserError as error:
            problems.append(str(error))
    _refuse(problems)
    return lines


def check_sides(paths: tuple[Path, Path], split: str) -> int:
    """The number of lines of both sides of a pair. Raises `UserError` where one cannot be used, or they differ."""
    first, second = (check_file(path, split) for path in paths)
    if first != second:
        shorter = min(first, second) + 1
        raise UserError(
            f"{paths[0]} has {first:,} lines, {paths[1]} has {second:,}; line i must translate line i "
            f"(one side ends before line {shorter:,})"
        )
    return first
