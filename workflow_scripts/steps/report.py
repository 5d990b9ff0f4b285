"""Put tables, figures and how they were made into one self-contained HTML file.

    python -m workflow_scripts.steps.report results/run/tables --figures results/run/figures/*.svg \\
        --config '{"run": "demo"}' --benchmarks benchmarks/demo --output results/run/report.html \\
        --results results/run --translations '{"baseline": ["en-de"], "ns": ["en-de"]}'

Reads `summary.csv`, `directions.csv` and, where they are, `checks.csv`, `wins.csv` and `significance.csv`, the
families.csv of every analysis of overlap, and Snakemake's benchmarks; and, of systems in `--translations`, what they
say in the lines in which two of them differ most. The file needs no network, and reads on a phone and in print; its
links lead to the tables and figures beside it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts.errors import run
from workflow_scripts.files import write_text

CODE = (
    "reporting.costs",
    "reporting.direction_tables",
    "reporting.overlaps",
    "reporting.page",
    "reporting.samples",
    "reporting.verdict",
    "scoring.checks",
    "scoring.markdown",
    "scoring.metric",
    "scoring.names",
    "scoring.tables",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, help="folder of summary.csv")
    parser.add_argument("--figures", type=Path, nargs="*", default=[], help="SVG files, in the order to show them")
    parser.add_argument(
        "--overlaps", type=Path, nargs="*", default=[], help="families.csv of analyses, beside shared.csv"
    )
    parser.add_argument("--config", type=json.loads, required=True, help="JSON: the run's configuration")
    parser.add_argument("--against", nargs="*", default=[], help="systems that differences are taken to, primary first")
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of Snakemake's benchmarks of the run")
    parser.add_argument("--results", type=Path, help="folder with `translations` and `scores`")
    parser.add_argument(
        "--translations", type=json.loads, default={}, help="JSON: directions by system, of the default test set"
    )
    parser.add_argument("--compared", nargs=2, metavar="SYSTEM", help="the two whose differences choose the lines")
    parser.add_argument("--metrics", nargs="+", default=["bleu", "chrf++"], help="what was computed")
    parser.add_argument("--lines", type=int, default=3, help="lines of a direction")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    args = parser.parse_args()

    from workflow_scripts.reporting import costs, page, samples

    content = page.content(args.tables, args.config, args.against, args.overlaps, args.figures, args.output.parent)
    content |= {"costs": costs.by_stage(args.benchmarks), "samples": [], "compared": args.compared}
    if args.compared:
        chosen = (args.results, args.translations, args.compared, args.metrics, args.lines)
        content["samples"] = samples.sections(*chosen)
    write_text(args.output, page.render(content))


if __name__ == "__main__":
    run(main)
