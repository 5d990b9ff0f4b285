"""Draw what the neurons of directions share, from a system's masks or from activation counts at one threshold.

    python -m workflow_scripts.steps.figures_masks --masks results/run/masks/ns.parquet --name ns --run demo \\
        --languages config/languages/ec30.tsv --output results/run/figures

Writes, each as .svg, .png and .csv (the table behind it): `overlap-{name}-encoder`, `overlap-{name}-decoder` (heat maps
of IoU per layer, for the components that have masks), `overlap-by-layer-{name}`, `sparsity-{name}`, and
`languages-{name}` (dendrogram with family scores).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.errors import UserError, run
from workflow_scripts.reporting import selections


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    selections.add_arguments(parser)
    parser.add_argument("--name", required=True, help="name of the system, or of the selection, in file names")
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()

    from workflow_scripts.languages import read_languages
    from workflow_scripts.reporting import analysis, mask_figures
    from workflow_scripts.reporting.style import save

    selection = selections.from_arguments(args)
    languages = read_languages(args.languages)
    label = f"{args.run}, {args.name}"
    sides = {(part, kind) for part, _, kind in analysis.similarities(selection.masks, languages, args.pivot)}
    drawn = [component for component, kind in analysis.SIDES.items() if (component, kind) in sides]
    if not drawn:
        raise UserError(f"{args.name}: no two directions have masks in the same component that could be compared")
    for component in drawn:
        figure, table = mask_figures.heat_map(selection, languages, args.pivot, component, label)
        save(figure, args.output / f"overlap-{args.name}-{component}", table)
    figure, table = mask_figures.by_layer(selection, languages, args.pivot, label)
    save(figure, args.output / f"overlap-by-layer-{args.name}", table)
    figure, table = mask_figures.sparsity(selection, args.pivot, label)
    save(figure, args.output / f"sparsity-{args.name}", table)
    figure, table = mask_figures.trees(selection, languages, args.pivot, label)
    save(figure, args.output / f"languages-{args.name}", table)


if __name__ == "__main__":
    run(main)
