"""Look at activations that were recorded elsewhere before anything is trained.

    python -m workflow_scripts.steps.check_activations --system ns --folder results/OTHER/activations \\
        --pairs en-de,de-en --columns count --model '{"layers": 6, "ffn_dim": 4096}' \\
        --output results/run/masks/ns.activations.json

Refuses files that are damaged or of another direction, without the statistics that the system's neurons are chosen by,
or of different models. With `--model`, that of a baseline which is yet to be trained, they must have its shape, too.
Writes the size of every layer by direction.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Mapping
from pathlib import Path

from workflow_scripts.artifacts import COMPONENTS, Layer, read_activations
from workflow_scripts.artifacts_checks import check_alike
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import write_json


def widths_of(folder: Path, pair: Direction, columns: Collection[str]) -> dict[Layer, int]:
    """The neurons of each layer. Raises `UserError` for a file that is not of `pair`, or lacks a column."""
    path = folder / f"{pair}.parquet"
    found = read_activations(path)
    if found.pair != str(pair):
        raise UserError(f"{path} has the activations of {found.pair}: put every direction's file under its own name")
    if missing := [name for name in columns if any(name not in values for values in found.values.values())]:
        raise UserError(
            f"{path} has no {', '.join(missing)}, which the neurons are chosen by: record them again "
            "(activations.gradients: true for what needs gradients)"
        )
    return found.widths


def check_shape(system: str, folder: Path, widths: Mapping[Layer, int], model: Mapping[str, int]) -> None:
    """Raise `UserError` unless the layers are those of a model with `layers` of `ffn_dim` neurons on either side."""
    if widths != {(part, layer): model["ffn_dim"] for part in COMPONENTS for layer in range(model["layers"])}:
        sizes = ", ".join(map(str, sorted(set(widths.values()))))
        numbers = [f"{sum(layer[0] == part for layer in widths)} {part}" for part in COMPONENTS]
        raise UserError(
            f"{folder}: they are of {' and '.join(numbers)} layers of {sizes} neurons, but the baseline of "
            f"this run will have {model['layers']} of {model['ffn_dim']} each (model.layers, model.ffn_dim): take "
            f"another systems.{system}.masks.activations, or make the model alike"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="whose neurons are chosen by them")
    parser.add_argument("--folder", type=Path, required=True, help="folder with a file per direction")
    parser.add_argument("--pairs", type=parse_all, required=True)
    parser.add_argument("--columns", nargs="+", required=True, help="the statistics that are needed")
    parser.add_argument("--model", type=json.loads, help="JSON: layers and ffn_dim of the model they must be of")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    widths = {str(pair): widths_of(args.folder, pair, args.columns) for pair in args.pairs}
    check_alike(args.folder, widths)
    if args.model:
        check_shape(args.system, args.folder, next(iter(widths.values())), args.model)
    named = {pair: {f"{part} {layer}": size for (part, layer), size in each.items()} for pair, each in widths.items()}
    write_json(args.output, named)
    print(f"[activations] {args.system} · {len(widths)} directions in {args.folder}", flush=True)


if __name__ == "__main__":
    run(main)
