"""Select the neurons each direction keeps, for one system.

    python -m workflow_scripts.steps.masks --system ns --select cumulative --k 95 \\
        --output results/demo/masks/ns.parquet results/demo/activations/*.parquet
    python -m workflow_scripts.steps.masks --system random --select random --like results/demo/masks/ns.parquet \\
        --seed 222 --output …

`--k` is a number, or JSON with one number per direction type and component:
`{"en-x": {"encoder": 95, "decoder": 90}, "x-en": {"encoder": 85, "decoder": 80}}`. Masks that were selected from the
same counts in the same way are left as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
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
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version
from workflow_scripts.neurons.select import coverage, cumulative, random_neurons, thresholds

CODE = ("neurons.select",)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="name of the system")
    parser.add_argument("--select", choices=["cumulative", "random"], required=True)
    parser.add_argument("--k", type=json.loads, help="threshold in percent (cumulative)")
    parser.add_argument("--pivot", default="en", help="a direction from the pivot is of type en-x, others are x-en")
    parser.add_argument("--components", nargs="+", choices=COMPONENTS, default=list(COMPONENTS), help="what is masked")
    parser.add_argument("--like", type=Path, help="masks whose sizes are copied (random)")
    parser.add_argument("--seed", type=int, help="seed of the draw (random)")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("activations", type=Path, nargs="*", metavar="PAIR.parquet", help="counts of every direction")
    return parser.parse_args()


def specialized(counts: Mapping[str, Activations], k: Any, pivot: str, components: Sequence[str]) -> Iterator[Mask]:
    """Masks by the cumulative threshold, direction by direction, from activation counts."""
    for pair, found in counts.items():
        limits = thresholds(k, Direction.parse(pair).kind(pivot))
        try:
            for (component, layer), kept, share in cumulative(
                found.counts, {part: limits[part] for part in components}
            ):
                width = len(found.counts[component, layer])
                yield Mask(pair, component, layer, width, kept, float(limits[component]), share)
        except ValueError as error:
            raise UserError(f"{pair}, {error}") from None


def random(counts: Mapping[str, Activations], like: Masks, seed: int, components: Sequence[str]) -> Iterator[Mask]:
    """As many neurons as `like` keeps in each layer of each direction, drawn at random."""
    for row in like.rows:
        if row.pair not in counts:
            raise UserError(f"the masks that are copied have direction {row.pair}, of which no counts are given")
        if row.component in components:
            kept = random_neurons(len(row.neurons), row.ffn_dim, seed, row.pair, row.component, row.layer)
            share = coverage(counts[row.pair].counts[row.component, row.layer], kept)
            yield Mask(row.pair, row.component, row.layer, row.ffn_dim, kept, None, share)


def main() -> None:
    args = parse()
    if not args.activations:
        raise UserError("no activation files are given, so there is nothing to select from")
    counts = {found.pair: found for found in map(read_activations, args.activations)}
    settings = {"select": args.select, "components": args.components, "pivot": args.pivot}
    if args.select == "cumulative":
        if args.k is None:
            raise UserError("--select cumulative needs --k")
        settings |= {"k": args.k}
        rows = specialized(counts, args.k, args.pivot, args.components)
    else:
        if args.like is None or args.seed is None:
            raise UserError("--select random needs --like and --seed")
        like = read_masks(args.like)
        settings |= {"like": masks_digest(like.rows), "seed": args.seed}
        rows = random(counts, like, args.seed, args.components)
    digests = {pair: found.digest() for pair, found in counts.items()}
    made = made_from("masks", **settings, system=args.system, activations=digests)
    if not outstanding("masks", {args.system: [args.output]}, made):
        print(f"[masks] {args.system} · current", flush=True)
        return
    masks = list(rows)
    metadata = stamp(made) | {"digest": masks_digest(masks), "code_version": code_version()}
    write_masks(args.output, masks, metadata)
    density = sum(len(row.neurons) for row in masks) / sum(row.ffn_dim for row in masks)
    print(f"[masks] {args.system} · {len(counts)} directions · {density:.1%} of the neurons kept", flush=True)


if __name__ == "__main__":
    errors.run(main)
