"""Draw what the neurons of directions share, from the tables of an analysis of overlap.

    python -m workflow_scripts.steps.figures_masks results/run/tables/overlap-ns \\
        --languages config/languages/ec30.tsv --output results/run/figures

Writes, each as .svg, .pdf and .csv (the table behind it), with the selection's name for NAME: `overlap-NAME-encoder`,
`overlap-NAME-decoder` (heat maps of IoU per layer, for the components that can be compared), `overlap-by-layer-NAME`,
`shared-NAME` (who keeps which neurons), `sparsity-NAME`, and `languages-NAME` (dendrogram with family scores).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.errors import UserError, run

CODE = (
    "neurons.overlap",
    "reporting.analysis",
    "reporting.mask_figures",
    "reporting.overlaps",
    "reporting.style",
    "reporting.svg_fonts",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, help="folder that `overlap` wrote")
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    from workflow_scripts.languages import read_languages
    from workflow_scripts.reporting import mask_figures, overlaps
    from workflow_scripts.reporting.style import save

    tables = overlaps.read(args.tables)
    languages = read_languages(args.languages)
    name, common = tables.selection, (languages, args.pivot)
    drawn = [component for component in overlaps.SIDES if not tables.side(component).empty]
    if not drawn:
        raise UserError(f"{args.tables}: no two directions have masks in the same component that could be compared")
    for component in drawn:
        save(args.output / f"overlap-{name}-{component}", *mask_figures.heat_map(tables, *common, component))
    save(args.output / f"overlap-by-layer-{name}", *mask_figures.by_layer(tables, *common))
    save(args.output / f"shared-{name}", *mask_figures.shared(tables, *common))
    save(args.output / f"sparsity-{name}", *mask_figures.sparsity(tables, *common))
    save(args.output / f"languages-{name}", *mask_figures.trees(tables, *common))


if __name__ == "__main__":
    run(main)
