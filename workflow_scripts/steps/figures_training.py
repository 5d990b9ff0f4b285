"""Draw the training curves of the baseline and of every system trained from it.

    python -m workflow_scripts.steps.figures_training baseline=results/run/baseline/training.csv \\
        ns=results/run/systems/ns/training.csv --output results/run/figures

Writes `training.svg`, `.pdf` and `.csv` (all curves in one table).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.errors import run

CODE = (
    "reporting.overlaps",
    "reporting.score_figures",
    "reporting.style",
    "reporting.svg_fonts",
    "scoring.metric",
    "scoring.names",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", nargs="+", metavar="NAME=CSV", help="training.csv of a model")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    import pandas as pd

    from workflow_scripts.reporting.score_figures import training_curves
    from workflow_scripts.reporting.style import save

    curves = {name: pd.read_csv(path) for name, _, path in (curve.partition("=") for curve in args.curves)}
    save(args.output / "training", *training_curves(curves))


if __name__ == "__main__":
    run(main)
