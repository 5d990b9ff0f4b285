"""Collect scores into tables.

    python -m workflow_scripts.steps.tables --results results/run \\
        --rows '{"test": {"baseline": ["en-de"], "ns": ["en-de"]}}' \\
        --tested '{"baseline": {"test": {"ns": ["en-de"]}}}' --languages config/languages/ec30.tsv \\
        --against baseline --run demo --output results/run/tables

Writes `directions.csv` (a row per test set, system, direction, metric and variant of the text), `summary.csv`,
`summary.md` and `summary.tex` (means over languages by tier, in the paper's layout, with the difference to one
system), `readings.csv` (what repairing the text changes), `checks.csv` (means of what scores hide: lengths and the
like), and, where significance was tested, `significance.csv` and `wins.csv`: p corrected by Holm over the directions
of a contrast and metric; and `means.csv`, the tests of means, over systems. With replicates, `seeds.csv` compares
methods by the means of their training seeds.

What `--rows` and `--tested` name is read, and nothing else, whatever lies around; a table that has no rows is removed,
but for `checks.csv`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import replacing, write_text
from workflow_scripts.scoring.metrics import METRICS

CODE = (
    "scoring.ceilings",
    "scoring.checks",
    "scoring.latex",
    "scoring.markdown",
    "scoring.metric",
    "scoring.names",
    "scoring.outcomes",
    "scoring.people",
    "scoring.published",
    "scoring.rates",
    "scoring.resampling",
    "scoring.seeds",
    "scoring.tables",
    "spreadsheets",
)


def parsed(rows: Mapping[str, Mapping[str, list[str]]]) -> dict[str, dict[str, list[Direction]]]:
    """Directions by test set and system."""
    return {
        test_set: {system: list(map(Direction.parse, pairs)) for system, pairs in systems.items()}
        for test_set, systems in rows.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="folder with `scores` and `significance`")
    parser.add_argument("--rows", type=json.loads, required=True, help="JSON: directions by test set and system")
    parser.add_argument("--tested", type=json.loads, default={}, help="JSON: the same by the system compared with")
    parser.add_argument(
        "--ceilings", type=json.loads, default={}, help="JSON: those whose ceilings are known, in `ceilings`"
    )
    parser.add_argument(
        "--metrics", nargs="+", choices=list(METRICS), default=["bleu", "chrf++"], help="what was computed"
    )
    parser.add_argument("--primary", default="BLEU", help="name of the metric that claims are made by")
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--against", nargs="*", default=[], help="systems that differences are taken to, primary first")
    parser.add_argument("--replicates", type=json.loads, default={}, help="JSON: systems that differ in seed only")
    parser.add_argument("--published", type=Path, help="CSV of published scores: system, pair, metric, score")
    parser.add_argument("--language-identification", help="who told the languages of hypotheses, which is then read")
    parser.add_argument("--unidentified", help="why nobody did, though that was asked for")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--means", type=Path, help="folder of the tests of means, if not among the results")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    import pandas as pd

    from workflow_scripts.languages import read_languages
    from workflow_scripts.scoring import ceilings, checks, latex, markdown, outcomes, rates, seeds, tables
    from workflow_scripts.scoring import published as published_scores

    rows = [
        row
        for test_set, systems in args.rows.items()
        for system, pairs in systems.items()
        for row in tables.read_scores(
            args.results / "scores", test_set, system, map(Direction.parse, pairs), args.metrics
        )
    ]
    if not rows:
        raise UserError(f"{args.results}: there is nothing to tabulate, no system has a direction")
    tests = [
        row
        for against, sets in args.tested.items()
        for test_set, systems in sets.items()
        for system, pairs in systems.items()
        for row in outcomes.read_tests(
            args.results / "significance", against, test_set, system, map(Direction.parse, pairs)
        )
    ]
    folder = args.means or args.results / "significance"
    means = [
        row
        for against, sets in args.tested.items()
        for test_set, systems in sets.items()
        for row in outcomes.read_means(folder, against, test_set, systems, args.primary)
    ]
    published = pd.DataFrame(published_scores.read(args.published)) if args.published else None
    directions = ceilings.added(
        tables.directions(rows, published), ceilings.read(args.results / "ceilings", parsed(args.ceilings))
    )
    summary = tables.summary(directions, read_languages(args.languages), args.pivot, args.against, args.replicates)
    tested = pd.DataFrame(tests)
    wins, repaired = outcomes.outcomes(tested) if tests else pd.DataFrame(), tables.repaired(directions)
    tested_means = outcomes.with_people(means, directions)
    claims = seeds.table(summary, args.replicates, args.against)
    if args.language_identification:
        directions = rates.added(directions, rates.read(args.results / "scores", parsed(args.rows)))
    checked = checks.means(directions, args.pivot, {"off_target": args.unidentified or ""})
    found = {
        "checks": checked,
        "directions": directions,
        "summary": summary,
        "readings": repaired,
        "significance": tested,
        "wins": wins,
        "means": tested_means,
        "seeds": claims,
    }
    for name, frame in found.items():
        path = args.output / f"{name}.csv"
        if frame.empty and name != "checks":
            path.unlink(missing_ok=True)
            continue
        with replacing(path) as temporary:
            frame.to_csv(temporary, index=False, float_format="%.4f")
    text = markdown.page(args.run, args.against, summary, wins, repaired, tested_means, claims)
    text += checks.markdown(checks.sections(directions, checked, args.against))
    write_text(args.output / "summary.md", text)
    write_text(args.output / "summary.tex", latex.page(args.run, summary, args.against))
    print(text)


if __name__ == "__main__":
    run(main)
