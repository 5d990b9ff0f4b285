"""Draw score differences by tier and by language.

    python -m workflow_scripts.steps.figures_scores results/run/tables --against baseline --metrics BLEU chrF++ \\
        --languages config/languages/ec30.tsv --output results/run/figures

Reads `directions.csv` and, where it is, `significance.csv`. Writes `scores-by-tier-{metric}` and
`scores-by-language-{metric}` for every metric, of the default test set, each as .svg, .pdf and .csv (the table behind
it), and the same against further systems as `scores-by-tier-{metric}-against-{system}`; and, with `--swept`,
`scores-by-k-{metric}`: means of systems that differ in k alone, and of all others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts.errors import UserError, run
from workflow_scripts.paths import figure_name

CODE = (
    "reporting.overlaps",
    "reporting.score_figures",
    "reporting.style",
    "reporting.svg_fonts",
    "reporting.sweep_figure",
    "scoring.metric",
    "scoring.names",
    "scoring.tables",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, help="folder of directions.csv")
    parser.add_argument("--swept", type=json.loads, default={}, help="JSON: systems by k, by the name of the line")
    parser.add_argument("--against", nargs="*", default=[], help="systems that differences are taken to")
    parser.add_argument("--metrics", nargs="+", required=True, help="metrics to draw")
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    import pandas as pd

    from workflow_scripts.languages import read_languages
    from workflow_scripts.reporting import score_figures, sweep_figure
    from workflow_scripts.reporting.style import save
    from workflow_scripts.scoring.tables import read

    languages = read_languages(args.languages)
    scores = read(args.tables / "directions.csv")
    tested = args.tables / "significance.csv"
    tests = read(tested) if tested.exists() else pd.DataFrame()
    drawn = {"tier": score_figures.by_tier, "language": score_figures.by_language}
    for place, against in enumerate(args.against):
        table = score_figures.differences(scores, tests, languages, args.pivot, against)
        for metric in args.metrics:
            rows = table[table["metric"] == metric]
            if rows.empty:
                raise UserError(f"{args.tables / 'directions.csv'}: no system shares a {metric} score with {against}")
            # The last variant is the one to compare by: repaired where there are two.
            text = rows["text"].iloc[-1]
            rows = rows[rows["text"] == text]
            for group, draw in drawn.items():
                name = figure_name(group, metric, against if place else "")
                save(args.output / name, draw(rows, languages, metric, text, args.pivot, against), rows)
    for metric in args.metrics if args.swept else ():
        rows = sweep_figure.means(scores, languages, args.pivot, metric)
        save(args.output / figure_name("k", metric), *sweep_figure.by_k(rows, args.swept, metric, args.pivot))


if __name__ == "__main__":
    run(main)
