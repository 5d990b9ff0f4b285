"""Bring translations from elsewhere into a run's layout.

    python -m workflow_scripts.steps.import_translations DIR --pairs en-de,de-en \\
        --output results/run/translations/theirs

DIR holds a folder per direction with fairseq-generate's output (`generate-test.txt`, packed or not) or plain texts
(`hyp.txt`, `ref.txt`, `src.txt`, packed or not). Writes `{pair}.hyp.txt`, `.ref.txt`, `.src.txt` and `{pair}.parquet`.
A direction whose files have not changed since is left as it is.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from workflow_scripts.artifacts import read_metadata, write_translations
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import digest, sha256, write_text
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.existing import direction_files, read_direction

COLUMNS = {"hyp": "hypothesis", "ref": "reference", "src": "source"}


def import_direction(folder: Path, out: Path, pair: str) -> None:
    """Import one direction from its folder."""
    files = direction_files(folder)
    inputs = digest({path.name: sha256(path) for path in files})
    texts = {out / f"{pair}.{role}.txt": column for role, column in COLUMNS.items()}
    table = out / f"{pair}.parquet"
    if read_metadata(table).get("inputs") == inputs and all(path.exists() for path in texts):
        for path in (*texts, table):
            os.utime(path)
        return
    rows = read_direction(files)
    for path, column in texts.items():
        write_text(path, "".join(f"{row[column]}\n" for row in rows))
    write_translations(table, rows, {"pair": pair, "inputs": inputs})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with a folder per direction")
    parser.add_argument("--pairs", required=True, help="directions, separated by commas")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    pairs = args.pairs.split(",")
    progress = Progress(f"import {args.output.name}", len(pairs), "directions")
    for done, pair in enumerate(pairs, start=1):
        if not (args.folder / pair).is_dir():
            raise UserError(f"{args.folder} has no folder {pair}")
        import_direction(args.folder / pair, args.output, pair)
        progress.update(done, pair)


if __name__ == "__main__":
    run(main)
