"""A ready fairseq data-bin: find its shards and check that it has everything a run needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.corpus.parallel import SPLITS, file_name
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256


def find_shards(folder: Path) -> list[Path]:
    """The folders that hold data: `folder` itself, or the shards below it in the order of their numbers.

    Raises `UserError` when there is none, or when folders of different parents could be meant.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; set data.databin.path to a fairseq data-bin")
    if any(folder.glob("dict.*.txt")):
        return [folder]
    found = {path.parent for path in folder.rglob("dict.*.txt")}
    if not found:
        raise UserError(f"{folder}: no dict.*.txt here or below, so this is not a fairseq data-bin")
    parents = sorted({str(path.parent) for path in found})
    if len(parents) > 1:
        raise UserError(f"{folder}: data-bins in several places ({', '.join(parents)}); name one in data.databin.path")
    return sorted(found, key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)] or [0])


def existing(folder: str | Path, splits: Iterable[str], pairs: Iterable[Direction]) -> list[str]:
    """The files of a data-bin, in shards or not, that hold `splits` of `pairs`, and its dictionaries; sorted."""
    wanted = {
        f"{file_name(split, name, language)}.{kind}"
        for split in splits
        for pair in pairs
        for name in (pair, pair.reverse)
        for language in pair.languages
        for kind in ("bin", "idx")
    }
    return sorted(str(path) for path in Path(folder).rglob("*") if path.name in wanted or path.match("dict.*.txt"))


def check_dictionaries(shards: list[Path], languages: list[str]) -> None:
    """Every language has a dictionary, and all are the same. Raises `UserError` naming the odd one."""
    first = shards[0] / f"dict.{languages[0]}.txt"
    needed = [shards[0] / f"dict.{language}.txt" for language in languages]
    for path in needed:
        if not path.is_file():
            raise UserError(f"{path} is missing: a data-bin has one dictionary per language (languages.codes)")
    wanted = sha256(first)
    for path in [*needed, *(path for shard in shards for path in sorted(shard.glob("dict.*.txt")))]:
        if sha256(path) != wanted:
            raise UserError(f"{path} differs from {first}: all languages must share one dictionary")


def _missing(folder: Path, split: str, pair: Direction) -> list[Path]:
    sides = [folder / file_name(split, pair, language) for language in pair.languages]
    files = [side.with_name(f"{side.name}.{kind}") for side in sides for kind in ("bin", "idx")]
    return [path for path in files if not path.is_file()]


def name_of(folder: Path, split: str, pair: Direction) -> Direction:
    """The name, in one order or the other, under which a split of `pair` lies in a data-bin folder.

    Raises `UserError` naming the first missing file.
    """
    missing = {name: _missing(folder, split, name) for name in (pair, pair.reverse)}
    name = min(missing, key=lambda name: len(missing[name]))
    if missing[name]:
        raise UserError(f"{missing[name][0]} is missing: pair {pair} needs {split} data in this data-bin")
    return name


def check_pairs(shards: list[Path], pairs: list[Direction]) -> list[Direction]:
    """The names that `pairs` have on disk. Raises `UserError` naming the first file missing of train or valid.

    Valid is read from the first shard. fairseq takes a pair that is in n shards for one in the first n, so its training
    data must not leave a shard out.
    """
    names = []
    for pair in pairs:
        name, *others = dict.fromkeys(name_of(shards[0], split, pair) for split in SPLITS)
        if others:
            raise UserError(f"{shards[0]}: train and valid of pair {pair} name its languages in different orders")
        names.append(name)
        ended = None
        for shard in shards:
            missing = _missing(shard, "train", name)
            if 0 < len(missing) < 4:
                raise UserError(f"{missing[0]} is missing: the other files of this pair are there")
            if missing:
                ended = ended or missing[0]
            elif ended:
                raise UserError(f"{ended} is missing: {shard.name} has this pair, and fairseq needs it in all before")
    return names
