"""Draw what other directions' masks do to the baseline, from the table of their scores.

    python -m workflow_scripts.steps.figures_crossed results/run/tables/crossed-ns.csv --metric BLEU \\
        --languages config/languages/ec30.tsv --output results/run/figures

Writes `crossed-NAME` as .svg, .pdf and .csv (the table behind it), with the system's name for NAME: a heat map per kind
of directions, of decoded directions and those whose masks they are decoded under, in score differences to no masks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.errors import UserError, run

CODE = (
    "reporting.crossed",
    "reporting.crossed_figures",
    "reporting.overlaps",
    "reporting.style",
    "reporting.svg_fonts",
    "scoring.metric",
    "scoring.names",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="what `crossed_scores` wrote")
    parser.add_argument("--metric", default="BLEU", help="name of the metric to draw")
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    from workflow_scripts.languages import read_languages
    from workflow_scripts.reporting import crossed, crossed_figures
    from workflow_scripts.reporting.style import save

    table = crossed.read(args.table)
    if args.metric not in set(table["metric"]):
        raise UserError(f"{args.table} has no {args.metric}; it has {', '.join(table['metric'].unique())}")
    drawn = crossed_figures.heat_map(table, read_languages(args.languages), args.pivot, args.metric)
    save(args.output / f"crossed-{table['system'].iloc[0]}", *drawn)


if __name__ == "__main__":
    run(main)
