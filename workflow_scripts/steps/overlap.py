"""How much the neurons of different directions overlap, and whether language families show in it.

    python -m workflow_scripts.steps.overlap --masks results/run/masks/ns.parquet --name ns \\
        --languages config/languages/ec30.tsv --output results/run/tables/overlap-ns

Writes, per component, layer and direction type: `overlap.csv` (IoU of every two languages; `corrected` for the sizes of
their sets: 0 as by chance, 1 the most these sizes allow; `kept` is corrected for how many languages keep each neuron as
well), `families.csv` (means within and across families, permutation tests on the corrected values, adjusted Rand index
of the clustering; layer `all` is the mean over layers), `shared.csv` (how many neurons all languages keep, one family,
one language) and `neurons.csv` (the same neuron by neuron); and `sparsity.csv` (share of neurons off per direction,
component and layer). Layers count from 0. What is not defined is left empty, with the reason as `note`. Prints the
means within and across families, one line each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.errors import run
from workflow_scripts.reporting import selections

CODE = (
    "neurons.criteria.cumulative",
    "neurons.criterion",
    "neurons.overlap",
    "reporting.analysis",
    "reporting.overlaps",
    "reporting.selections",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    selections.add_arguments(parser)
    parser.add_argument("--name", required=True, help="name of the system, or of the threshold")
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    import numpy as np

    from workflow_scripts.languages import read_languages
    from workflow_scripts.reporting import analysis, overlaps

    selection = selections.from_arguments(args)
    languages = read_languages(args.languages)
    sides = analysis.sides(selection.masks, languages, args.pivot)
    tables = overlaps.write(
        args.output,
        args.name,
        selection.label,
        overlap=analysis.overlap_table(sides, languages),
        families=analysis.family_table(sides, languages),
        sparsity=analysis.sparsity_table(selection.masks, args.pivot),
        shared=analysis.shared_table(sides, languages),
        neurons=analysis.neuron_table(sides, languages),
    )
    for row in tables.means().itertuples():
        arrow = overlaps.ARROWS[row.type].format(pivot=args.pivot)
        where = f"[overlap {args.name}] {row.component}, {arrow}, {selection.label}"
        tested = (
            row.note or f"p = {row.p:.4f}, {row.kept_p:.4f} with frequencies kept, adjusted Rand index {row.ari:.2f}"
        )
        within, across = (overlaps.shown(value, 3) for value in (row.corrected_within, row.corrected_across))
        print(f"{where}: IoU within families {overlaps.shown(row.within, 3)}")
        print(f"{where}: IoU across families {overlaps.shown(row.across, 3)} ({tested})")
        print(f"{where}: overlap corrected for size within families {within}, across {across}")
        if not np.isnan(row.halves):
            print(f"{where}: IoU of what halves of a direction's own text choose {row.halves:.3f}")


if __name__ == "__main__":
    run(main)
