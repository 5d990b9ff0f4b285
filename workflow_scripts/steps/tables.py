"""Collect scores into tables.

    python -m workflow_scripts.steps.tables results/run/scores --systems '{"baseline": ["en-de"], "ns": ["en-de"]}' \\
        --languages config/languages/ec30.tsv --against baseline --run demo --output results/run/tables

Writes `directions.csv` (a row per system, direction, metric and reading of the text), `summary.csv` and `summary.md`
(means over languages by tier, in the paper's layout, with the difference to one system), `readings.csv` (what repairing
the text changes), and, where significance was tested, `significance.csv` and `wins.csv`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts.errors import UserError, run
from workflow_scripts.files import replacing, write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, help="folder with a folder of scores per system")
    parser.add_argument("--systems", type=json.loads, required=True, help="JSON: directions of every system")
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--against", help="system that differences are taken to")
    parser.add_argument("--replicates", type=json.loads, default={}, help="JSON: systems that differ in seed only")
    parser.add_argument("--published", type=Path, help="CSV of published scores: system, pair, metric, score")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    import pandas as pd

    from workflow_scripts.languages import read_languages
    from workflow_scripts.scoring import markdown, significance, tables

    rows = [
        row for system, pairs in args.systems.items() for row in tables.read_scores(args.scores / system, system, pairs)
    ]
    if not rows:
        raise UserError(f"{args.scores}: there is nothing to tabulate, no system has a direction")
    published = pd.read_csv(args.published) if args.published else None
    directions = tables.directions(rows, published)
    languages = read_languages(args.languages)
    summary = tables.summary(directions, languages, args.pivot, args.against, args.replicates)
    text = [markdown.summary(summary, args.run, args.against)]
    found = {"directions": directions, "summary": summary}
    tests = pd.DataFrame(
        row
        for system, pairs in args.systems.items()
        for row in significance.read_tests(args.scores / system, system, pairs)
    )
    if not tests.empty:
        found["significance"], found["wins"] = tests, significance.outcomes(tests)
        text.append(markdown.wins(found["wins"], args.against))
    readings = tables.readings(directions)
    if not readings.empty:
        found["readings"] = readings
        text.append(markdown.readings(readings))
    for name, frame in found.items():
        with replacing(args.output / f"{name}.csv") as temporary:
            frame.to_csv(temporary, index=False, float_format="%.4f")
    write_text(args.output / "summary.md", "\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    run(main)
