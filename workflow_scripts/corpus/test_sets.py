"""Where the text of a test set may lie, and which directions it is there for.

The text of a test set lies in a folder as pairs, `{split}.{a}-{b}.{language}`, in either order of the pair, or
multi-parallel, one file per language: `{split}.{language}`, `{language}` or `{language}.txt`. Each may be packed (.gz).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.corpus import parallel
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError


def layouts(folder: str | Path, split: str, pair: Direction) -> list[tuple[list[Path], list[Path]]]:
    """For each layout the names that the two sides of a pair may have, in the pair's order."""
    patterns = (f"{split}.{{}}", f"{split}.{{}}.gz"), ("{}", "{}.gz", "{}.txt", "{}.txt.gz")
    first, second = pair.languages
    found = [(parallel.candidates(folder, split, pair, first), parallel.candidates(folder, split, pair, second))]
    for names in patterns:
        sides = ([Path(folder) / name.format(language) for name in names] for language in pair.languages)
        found.append((next(sides), next(sides)))
    return found


def files(folder: str | Path, split: str, pair: Direction) -> list[Path]:
    """What is there of a pair in the first layout that has both sides; empty where none has."""
    for layout in layouts(folder, split, pair):
        there = [[path for path in side if path.is_file()] for side in layout]
        if all(there):
            return [path for side in there for path in side]
    return []


def find(folder: str | Path, split: str, pair: Direction) -> tuple[Path, Path]:
    """The two files of a pair, in its order. Raises `UserError` naming what is missing, or there twice."""
    for layout in layouts(folder, split, pair):
        first, second = ([path for path in side if path.is_file()] for side in layout)
        if first and second:
            return parallel.only(first), parallel.only(second)
    pairwise, multi, bare = ((first[0].name, second[0].name) for first, second in layouts(folder, split, pair))
    raise UserError(
        f"{folder}: there is no {split} text of {pair}: neither {' and '.join(pairwise)} (nor in the other order) "
        f"nor {' and '.join(multi)} nor {' and '.join(bare)}[.txt], plain or .gz; add it or leave out the pair"
    )


def available(folder: str | Path, split: str, directions: Iterable[Direction]) -> list[Direction]:
    """Those of `directions` whose text the folder has both sides of."""
    return [direction for direction in directions if files(folder, split, direction)]


def existing(folder: str | Path, split: str, pairs: Iterable[Direction]) -> list[str]:
    """All files that a test set of `pairs` is made from, sorted."""
    return sorted({str(path) for pair in pairs for path in files(folder, split, pair)})
