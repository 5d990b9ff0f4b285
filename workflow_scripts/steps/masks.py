"""Select the neurons each direction keeps, for one system.

    python -m workflow_scripts.steps.masks --select cumulative --k 95 --output results/demo/masks/ns.parquet \
        results/demo/activations/*.parquet
    python -m workflow_scripts.steps.masks --select random --like results/demo/masks/ns.parquet --seed 222 --output …

`--k` is a number, or JSON with one number per direction type and component:
`{"en-x": {"encoder": 95, "decoder": 90}, "x-en": {"encoder": 85, "decoder": 80}}`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow_scripts import errors
from workflow_scripts.artifacts import COMPONENTS, Mask, Masks, masks_digest, read_activations, read_masks, write_masks
from workflow_scripts.configuration import thresholds
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version, sha256
from workflow_scripts.neurons.select import coverage, random_neurons, specialized


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--select", choices=["cumulative", "random"], required=True)
    parser.add_argument("--k", type=json.loads, help="threshold in percent (cumulative)")
    parser.add_argument("--pivot", default="en", help="a direction from the pivot is of type en-x, others are x-en")
    parser.add_argument("--components", nargs="+", choices=COMPONENTS, default=list(COMPONENTS), help="what is masked")
    parser.add_argument("--like", type=Path, help="masks whose sizes are copied (random)")
    parser.add_argument("--seed", type=int, help="seed of the draw (random)")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("activations", type=Path, nargs="*", metavar="PAIR.parquet", help="counts (cumulative)")
    return parser.parse_args()


def cumulative(paths: list[Path], k: Any, pivot: str, components: list[str]) -> Iterator[Mask]:
    """Masks by the cumulative threshold, direction by direction, from activation counts."""
    for path in paths:
        activations = read_activations(path)
        limits = thresholds({"k": k}, activations.pair, pivot)
        for (component, layer), counts in activations.counts.items():
            if component not in components:
                continue
            try:
                kept = specialized(counts, limits[component])
            except ValueError as error:
                raise UserError(f"{path}, {component} layer {layer}: {error}") from None
            share = coverage(counts, kept)
            yield Mask(activations.pair, component, layer, len(counts), kept, float(limits[component]), share)


def random(like: Masks, seed: int, counts: dict[str, Path]) -> Iterator[Mask]:
    """As many neurons as `like` keeps in each layer of each direction, drawn at random."""
    for row in like.rows:
        if row.pair not in counts:
            raise UserError(f"the masks that are copied have direction {row.pair}, of which no counts are given")
        kept = random_neurons(len(row.neurons), row.ffn_dim, seed, row.pair, row.component, row.layer)
        activations = read_activations(counts[row.pair]).counts[row.component, row.layer]
        yield Mask(row.pair, row.component, row.layer, row.ffn_dim, kept, None, coverage(activations, kept))


def main() -> None:
    args = parse()
    if not args.activations:
        raise UserError("no activation files are given, so there is nothing to select from")
    inputs = {path.stem: sha256(path) for path in args.activations}
    settings = {"select": args.select, "components": args.components, "code_version": code_version()}
    if args.select == "cumulative":
        if args.k is None:
            raise UserError("--select cumulative needs --k")
        rows = list(cumulative(args.activations, args.k, args.pivot, args.components))
        settings |= {"k": args.k}
    else:
        if args.like is None or args.seed is None:
            raise UserError("--select random needs --like and --seed")
        like = read_masks(args.like)
        rows = [
            row
            for row in random(like, args.seed, {path.stem: path for path in args.activations})
            if row.component in args.components
        ]
        settings |= {"like": sha256(args.like), "seed": args.seed}
    write_masks(args.output, rows, settings | {"activations_sha256": inputs, "digest": masks_digest(rows)})
    density = sum(len(row.neurons) for row in rows) / sum(row.ffn_dim for row in rows)
    print(f"[masks] {args.output.stem} · {len(inputs)} directions · {density:.1%} of the neurons kept", flush=True)


if __name__ == "__main__":
    errors.run(main)
