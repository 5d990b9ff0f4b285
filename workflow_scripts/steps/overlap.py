"""How much the neurons of different directions overlap, and whether language families show in it.

    python -m workflow_scripts.steps.overlap --masks results/run/masks/ns.parquet \\
        --languages config/languages/ec30.tsv --output results/run/tables/overlap-ns

Writes `overlap.csv` (IoU of every two languages per component, layer and direction type), `families.csv` (mean IoU
within and across families, permutation test, adjusted Rand index of the clustering; layer 0 is the mean over layers)
and `sparsity.csv` (share of neurons off per direction, component and layer). Prints the means within and across
families, one line each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.errors import run
from workflow_scripts.files import replacing
from workflow_scripts.reporting import selections


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    selections.add_arguments(parser)
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    from workflow_scripts.languages import read_languages
    from workflow_scripts.reporting import analysis

    selection = selections.from_arguments(args)
    languages = read_languages(args.languages)
    families = analysis.family_table(selection.masks, languages, args.pivot)
    tables = {
        "overlap": analysis.overlap_table(selection.masks, languages, args.pivot),
        "families": families,
        "sparsity": analysis.sparsity_table(selection.masks, args.pivot),
    }
    for name, frame in tables.items():
        with replacing(args.output / f"{name}.csv") as temporary:
            frame.to_csv(temporary, index=False, float_format="%.6g")
    for component, kind in analysis.SIDES.items():
        side = analysis.ARROWS[kind].format(pivot=args.pivot)
        rows = families[(families["component"] == component) & (families["type"] == kind) & (families["layer"] == 0)]
        for row in rows.itertuples():
            where = f"{args.output.name}: {component}, {side}, {selection.label}"
            print(f"{where}: IoU within families {row.within:.3f}")
            print(f"{where}: IoU across families {row.across:.3f}", end="")
            print(f" (p = {row.p:.4f}, adjusted Rand index {row.ari:.2f})")


if __name__ == "__main__":
    run(main)
