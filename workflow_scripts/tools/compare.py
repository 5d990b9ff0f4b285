"""Set two runs side by side: means by tier, and the directions that differ most.

    python -m workflow_scripts.tools.compare results/first results/second [--output comparison.csv]

Reads `tables/summary.csv` and `tables/directions.csv` of both runs and prints a table per metric and variant of the
text. `--output` keeps every direction that both have as CSV. Says so when the scores were not made alike.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.errors import UserError, run
from workflow_scripts.files import replacing


def tables_of(folder: Path) -> list[Path]:
    """The summary and the directions of a run."""
    paths = [folder / "tables" / name for name in ("summary.csv", "directions.csv")]
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist: {folder} must be the folder of a finished run (results/<run>)")
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, help="folder of a run")
    parser.add_argument("second", type=Path, help="folder of another run")
    parser.add_argument("--output", type=Path, help="CSV to write, a row per system, direction and metric")
    args = parser.parse_args()
    if args.first.resolve() == args.second.resolve():
        raise UserError(f"{args.first} and {args.second} are the same run: name two")
    (first_summary, first_directions), (second_summary, second_directions) = map(tables_of, (args.first, args.second))

    from workflow_scripts.scoring import comparison, tables

    names = comparison.names(args.first, args.second)
    summaries = [tables.read(path) for path in (first_summary, second_summary)]
    directions = comparison.paired(*(tables.read(path) for path in (first_directions, second_directions)))
    print(comparison.text(*summaries, directions, names))
    if args.output:
        with replacing(args.output) as temporary:
            directions.to_csv(temporary, index=False, float_format="%.4f")


if __name__ == "__main__":
    run(main)
