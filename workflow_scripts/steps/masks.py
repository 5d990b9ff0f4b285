"""Select the neurons each direction keeps, for one system, by a criterion.

    python -m workflow_scripts.steps.masks --system ns --select cumulative --k 95 \\
        --output results/demo/masks/ns.parquet results/demo/activations/*.parquet
    python -m workflow_scripts.steps.masks --system random --select random --like results/demo/masks/ns.parquet \\
        --seed 222 --output …

Each criterion has options of its own. `--k` is a number, or JSON with one number per direction type and component:
`{"en-x": {"encoder": 95, "decoder": 90}, "x-en": {"encoder": 85, "decoder": 80}}`. Masks that were selected from the
same statistics in the same way are left as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workflow_scripts import errors
from workflow_scripts.artifacts import (
    COMPONENTS,
    Activations,
    Mask,
    Masks,
    masks_digest,
    read_activations,
    read_masks,
    write_masks,
)
from workflow_scripts.artifacts_checks import check_alike
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.command_line import add_options
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version
from workflow_scripts.neurons.criteria import CRITERIA
from workflow_scripts.neurons.criterion import Kept, Neurons, coverage

CODE = ("neurons.criterion",)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="name of the system")
    parser.add_argument("--select", choices=list(CRITERIA), required=True, help="the criterion")
    parser.add_argument("--pivot", default="en", help="a direction from the pivot is of type en-x, others are x-en")
    parser.add_argument("--components", nargs="+", choices=COMPONENTS, default=list(COMPONENTS), help="what is masked")
    add_options(parser, CRITERIA.options())
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("activations", type=Path, nargs="*", metavar="PAIR.parquet", help="counts of every direction")
    return parser.parse_args()


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options of the criterion that were given. Raises `UserError` for one that is missing, or another's."""
    criterion = CRITERIA[args.select]
    given = {key: value for key in CRITERIA.options() if (value := getattr(args, key)) is not None}
    missing = [f"--{key.replace('_', '-')}" for key in criterion.required if key not in given]
    if missing:
        raise UserError(f"--select {args.select} needs {' and '.join(missing)}")
    for key in given:
        if key not in criterion.options:
            raise UserError(f"--select {args.select} takes no --{key.replace('_', '-')}")
    return given


def neurons_of(found: dict[str, Activations], like: Masks | None, args: argparse.Namespace) -> Neurons:
    """What the criterion chooses from. Raises `UserError` for a direction that is copied and has no counts."""
    sizes: dict[str, dict[tuple[str, int], int]] = {}
    for row in like.rows if like else []:
        if row.pair not in found:
            raise UserError(f"the masks that are copied have direction {row.pair}, of which no counts are given")
        sizes.setdefault(row.pair, {})[row.component, row.layer] = len(row.neurons)
    statistics = {
        pair: {layer: {"count": counts} for layer, counts in each.counts.items()} for pair, each in found.items()
    }
    kinds = {pair: Direction.parse(pair).kind(args.pivot) for pair in found}
    return Neurons(statistics, kinds, tuple(args.components), sizes)


def as_mask(kept: Kept, found: dict[str, Activations]) -> Mask:
    """A row of the file."""
    counts = found[kept.pair].counts[kept.layer]
    return Mask(kept.pair, *kept.layer, len(counts), kept.neurons, kept.k, coverage(counts, kept.neurons))


def main() -> None:
    args = parse()
    options = options_of(args)
    if not args.activations:
        raise UserError("no activation files are given, so there is nothing to select from")
    found: dict[str, Activations] = {}
    for path in args.activations:
        if (each := read_activations(path)).pair in found:
            raise UserError(f"{path}: another file has the counts of {each.pair} already; each direction has one")
        found[each.pair] = each
    like = read_masks(options.pop("like")) if "like" in options else None
    settings = {"select": args.select, "components": args.components, "pivot": args.pivot, **options}
    settings |= {"like": masks_digest(like.rows)} if like else {}
    digests = {pair: each.digest() for pair, each in found.items()}
    made = made_from("masks", CRITERIA.module(args.select), **settings, system=args.system, activations=digests)
    if not outstanding("masks", {args.system: [args.output]}, made):
        print(f"[masks] {args.system} · current", flush=True)
        return
    try:
        chosen = CRITERIA[args.select].choose(neurons_of(found, like, args), **options)
        masks = [as_mask(kept, found) for kept in chosen]
    except ValueError as error:
        raise UserError(str(error)) from None
    sizes = {pair: {layer: len(counts) for layer, counts in each.counts.items()} for pair, each in found.items()}
    check_alike(args.activations[0].parent, sizes)
    metadata = stamp(made) | {"digest": masks_digest(masks), "code_version": code_version()}
    write_masks(args.output, masks, metadata)
    density = sum(len(row.neurons) for row in masks) / sum(row.ffn_dim for row in masks)
    print(f"[masks] {args.system} · {len(found)} directions · {density:.1%} of the neurons kept", flush=True)


if __name__ == "__main__":
    errors.run(main)
