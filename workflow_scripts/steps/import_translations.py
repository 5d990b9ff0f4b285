"""Bring translations from elsewhere into a run's layout.

    python -m workflow_scripts.steps.import_translations DIR --pairs en-de,de-en \\
        --output results/run/translations/theirs [--data DATA/manifest.json --test-set DATA/tests/test/manifest.json]

DIR holds a folder per direction with fairseq-generate's output (`generate-test.txt`, packed or not) or plain texts
(`hyp.txt`, `ref.txt`, `src.txt`, packed or not). Writes `{pair}.hyp.txt`, `.ref.txt`, `.src.txt` and `{pair}.parquet`.
A direction whose files have not changed since is left as it is.

With `--test-set`, the run's own, translations must be of as many lines: what has other lines cannot stand in one table
with the run's systems. Where sources or references are other texts, a warning tells how many.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.artifacts import write_translations
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.corpus.databin import name_of
from workflow_scripts.corpus.databin_content import count_sentences
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.corpus.parallel import file_name
from workflow_scripts.corpus.prepared_set import PreparedSet, read_prepared
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import sha256, write_text
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.existing import Row, direction_files, read_direction

CODE = (
    "corpus.databin",
    "corpus.databin_content",
    "corpus.manifest",
    "corpus.parallel",
    "corpus.prepared_set",
    "corpus.symbols",
    "scoring.existing",
    "scoring.texts",
)
COLUMNS = {"hyp": "hypothesis", "ref": "reference", "src": "source"}


def outputs_of(output: Path, direction: Direction) -> list[Path]:
    """The table, which vouches for the texts, and the texts."""
    return [output / f"{direction}.parquet", *(output / f"{direction}.{role}.txt" for role in COLUMNS)]


def made_of(folder: Path, direction: Direction) -> dict[str, object]:
    """What the translations of a direction are made from."""
    files = {path.name: sha256(path) for path in direction_files(folder / str(direction))}
    return made_from("import_translations", translations=files)


def import_direction(folder: Path, output: Path, direction: Direction) -> None:
    """Import one direction from its folder."""
    made = made_of(folder, direction)
    rows = read_direction(direction_files(folder / str(direction)))
    table, *texts = outputs_of(output, direction)
    for path, column in zip(texts, COLUMNS.values(), strict=True):
        write_text(path, "".join(f"{row[column]}\n" for row in rows))
    write_translations(table, rows, {"pair": str(direction)} | stamp(made, texts))


def check_against(test_set: PreparedSet, folder: Path, direction: Direction, rows: list[Row]) -> None:
    """Raise `UserError` unless there are as many lines as in the run's test set; warn where they are other texts."""
    known = test_set.lines(direction)
    if known:
        wanted = len(known[0])
    else:
        name = name_of(test_set.folder, test_set.split, direction)
        wanted = count_sentences(test_set.folder / file_name(test_set.split, name, direction.source))
    if len(rows) != wanted:
        raise UserError(
            f"{folder / str(direction)} has {len(rows):,} translations, the run's test set {wanted:,} lines: translate "
            "that one, or score these in a run of their own (data.source: none)"
        )
    for role, theirs in zip(("source", "reference"), known or (), strict=False):
        other = [number for number, row in enumerate(rows) if row[role] != theirs[number]]
        if other:
            print(
                f"[import] WARNING: {folder / str(direction)}: {len(other):,} of {wanted:,} {role} lines are not those "
                f"of the run's test set (the first is line {other[0] + 1}), so scores can hardly be compared",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with a folder per direction")
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, separated by commas")
    parser.add_argument("--data", type=Path, help="data/manifest.json, which goes with --test-set")
    parser.add_argument("--test-set", type=Path, help="manifest of the test set that the run's systems translate")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    directions = {str(one): one for one in args.pairs}
    for name in directions:
        if not (args.folder / name).is_dir():
            raise UserError(f"{args.folder} has no folder {name}")
    if args.test_set:
        test_set = read_prepared(args.test_set, read_manifest(args.data))
        for one in args.pairs:
            check_against(test_set, args.folder, one, read_direction(direction_files(args.folder / str(one))))
    outputs = {name: outputs_of(args.output, one) for name, one in directions.items()}
    todo = outstanding("import_translations", outputs, lambda name: made_of(args.folder, directions[name]))
    progress = Progress(f"import {args.output.name}", len(directions), "directions", len(directions) - len(todo))
    for done, name in enumerate(todo, start=len(directions) - len(todo) + 1):
        import_direction(args.folder, args.output, directions[name])
        progress.update(done, name)
    if not todo:
        progress.update(len(directions), "all current")


if __name__ == "__main__":
    run(main)
