"""Select the neurons each direction keeps, for one system, by a criterion.

    python -m workflow_scripts.steps.masks --system ns --select cumulative --k 95 \\
        --output results/demo/masks/ns.parquet results/demo/activations/*.parquet
    python -m workflow_scripts.steps.masks --system random --select random --like results/demo/masks/ns.parquet \\
        --seed 222 --output …

Each criterion has options of its own, and needs columns of the activations. `--k` is a number, or JSON with one number
per direction type and component: `{"en-x": {"encoder": 95, "decoder": 90}, "x-en": {"encoder": 85, "decoder": 80}}`.
Where the activations are another baseline's, `--baseline-activations` is a file of the run's own, whose layers they
must have. Masks that were selected from the same statistics in the same way are left as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

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
from workflow_scripts.neurons.criterion import Criterion, Kept, Layer, Neurons, coverage, shared

CODE = ("neurons.criterion",)
COUNTS = {"real": ("count", "count_even"), "all": ("count", "count_even", "count_all")}
"""Statistics that every criterion may be asked of, by the positions that count."""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="name of the system")
    parser.add_argument("--select", choices=list(CRITERIA), required=True, help="the criterion")
    parser.add_argument("--pivot", default="en", help="a direction from the pivot is of type en-x, others are x-en")
    parser.add_argument("--components", nargs="+", choices=COMPONENTS, default=list(COMPONENTS), help="what is masked")
    parser.add_argument("--families", type=json.loads, help="family by language, JSON, for criteria that ask for it")
    parser.add_argument("--baseline-activations", type=Path, help="a file whose layers the activations must have")
    parser.add_argument("--positions", choices=["real", "all"], default="real", help="all: padding is counted, too")
    add_options(parser, CRITERIA.options())
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("activations", type=Path, nargs="*", metavar="PAIR.parquet", help="those of every direction")
    return parser.parse_args()


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options of the criterion, defaults included. Raises `UserError` for one that is missing, or another's."""
    criterion = CRITERIA[args.select]
    given = {key: value for key in CRITERIA.options() if (value := getattr(args, key)) is not None}
    missing = [_option(key) for key in criterion.required if key not in given]
    missing += ["--families"] if criterion.families and args.families is None else []
    if missing:
        raise UserError(f"--select {args.select} needs {' and '.join(missing)}")
    if criterion.ambiguous(given):
        raise UserError(f"--select {args.select} needs exactly one of {', '.join(map(_option, criterion.one_of))}")
    for key in given:
        if key not in criterion.options:
            raise UserError(f"--select {args.select} takes no {_option(key)}")
    return {**criterion.defaults, **given}


def _option(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def check(found: Mapping[str, Activations], columns: Sequence[str], args: argparse.Namespace) -> None:
    """Raise `UserError` where activations lack a column, or have other layers than those of the run's baseline."""
    for pair, each in found.items():
        if missing := [name for name in columns if any(name not in values for values in each.values.values())]:
            raise UserError(
                f"the activations of {pair} have no {', '.join(missing)}, which --select {args.select} needs: record "
                "them again (activations.gradients: true for what needs gradients)"
            )
    if args.baseline_activations:
        own = read_activations(args.baseline_activations, COUNTS["real"]).widths
        if wrong := [pair for pair, each in found.items() if each.widths != own]:
            raise UserError(
                f"the activations of {wrong[0]} are of a model of another shape than {args.baseline_activations}: "
                f"{_shape(found[wrong[0]].widths)}, not {_shape(own)}; record them with a baseline of the same one"
            )


def _shape(layers: Mapping[Layer, int]) -> str:
    widths = " or ".join(map(str, sorted(set(layers.values()))))
    numbers = [f"{sum(layer[0] == part for layer in layers)} {part}" for part in COMPONENTS]
    return f"{' and '.join(numbers)} layers of {widths} neurons"


def neurons_of(found: Mapping[str, Activations], like: Masks | None, args: argparse.Namespace) -> Neurons:
    """What the criterion chooses from. Raises `UserError` for a direction that is copied and has no counts."""
    for row in like.rows if like else []:
        if row.pair not in found:
            raise UserError(f"the masks that are copied have direction {row.pair}, of which no counts are given")
        width = len(found[row.pair].counts.get((row.component, row.layer), ()))
        if width != row.ffn_dim:
            raise UserError(
                f"{row.pair}, {row.component} layer {row.layer}: the masks that are copied have {row.ffn_dim} neurons, "
                f"the activations {width}; they are of different models"
            )
    return Neurons(
        statistics={pair: each.values for pair, each in found.items()},
        kinds={pair: Direction.parse(pair).kind(args.pivot) for pair in found},
        components=tuple(args.components),
        like=like.kept() if like else {},
        families=args.families or {},
        positions={pair: each.positions for pair, each in found.items()},
    )


def halved(criterion: Criterion, options: Mapping[str, Any], args: argparse.Namespace) -> bool:
    """Whether half the text can choose, too: by counts alone, which over real positions are known of halves."""
    return set(criterion.needed(options)) == {"count"} and args.positions == "real"


def halves_of(
    found: Mapping[str, Activations], criterion: Criterion, options: Mapping[str, Any], like: Masks | None, args: Any
) -> dict[tuple[str, Layer], float]:
    """What the sets share (IoU) that either half of each direction's text chooses, by direction and layer.

    Empty where half the text cannot choose, or finds nothing to choose.
    """
    if not halved(criterion, options, args):
        return {}
    try:
        first, second = (
            {
                (kept.pair, kept.layer): kept.neurons
                for kept in criterion.choose(
                    neurons_of({pair: each.half(number) for pair, each in found.items()}, like, args), **options
                )
            }
            for number in (0, 1)
        )
    except ValueError:
        return {}
    return {place: shared(first[place], second[place]) for place in first.keys() & second.keys()}


def as_mask(kept: Kept, found: Mapping[str, Activations], halves: Mapping[tuple[str, Layer], float]) -> Mask:
    """A row of the file."""
    counts = found[kept.pair].counts[kept.layer]
    covered, agreed = coverage(counts, kept.neurons), halves.get((kept.pair, kept.layer))
    return Mask(kept.pair, *kept.layer, len(counts), kept.neurons, kept.k, covered, agreed)


def described(masks: Sequence[Mask], like: Masks | None) -> dict[str, Any]:
    """Sizes of the sets, per layer; mean IoU of the two halves' sets, and with those that are copied."""
    sizes = [len(row.neurons) for row in masks]
    said: dict[str, Any] = {"density": sum(sizes) / sum(row.ffn_dim for row in masks)}
    said["sizes"] = {"least": min(sizes), "mean": sum(sizes) / len(sizes), "most": max(sizes)}
    if halves := [row.halves for row in masks if row.halves is not None]:
        said["halves"] = float(np.mean(halves))
    if like:
        theirs = like.kept()
        pairs = [(row.neurons, theirs.get(row.pair, {}).get((row.component, row.layer))) for row in masks]
        said["overlap"] = float(np.mean([shared(ours, copied) for ours, copied in pairs if copied is not None]))
    return said


def inputs_of(found: Mapping[str, Activations], criterion: Criterion, columns: Sequence[str], args: Any) -> dict:
    """What decides the choice beside options: digests, and what else the criterion asks for."""
    inputs: dict[str, Any] = {"activations": {pair: each.digest(columns) for pair, each in found.items()}}
    if criterion.positions:
        inputs["counted_positions"] = {pair: [each.positions, each.half(0).positions] for pair, each in found.items()}
    return inputs | ({"families": args.families} if criterion.families else {})


def main() -> None:
    args = parse()
    options, criterion = options_of(args), CRITERIA[args.select]
    if not args.activations:
        raise UserError("no activation files are given, so there is nothing to select from")
    # Coverage is of counts, whatever neurons are chosen by.
    columns = sorted({"count", *criterion.needed(options)})
    found: dict[str, Activations] = {}
    for path in args.activations:
        if (each := read_activations(path, {*columns, *COUNTS[args.positions]}).counting(args.positions)).pair in found:
            raise UserError(f"{path}: another file has the counts of {each.pair} already; each direction has one")
        found[each.pair] = each
    check(found, columns, args)
    like = read_masks(options.pop("like")) if "like" in options else None
    named = {name: getattr(args, name) for name in ("select", "components", "positions", "pivot")}
    settings = {**named, **options}
    settings |= {"like": masks_digest(like.rows)} if like else {}
    hashed = [*columns, *(["count_even"] if halved(criterion, options, args) else [])]
    inputs = inputs_of(found, criterion, hashed, args)
    made = made_from("masks", CRITERIA.module(args.select), **settings, system=args.system, **inputs)
    if not outstanding("masks", {args.system: [args.output]}, made):
        print(f"[masks] {args.system} · current", flush=True)
        return
    try:
        chosen = list(criterion.choose(neurons_of(found, like, args), **options))
    except ValueError as error:
        raise UserError(str(error)) from None
    halves = halves_of(found, criterion, options, like, args)
    masks = [as_mask(kept, found, halves) for kept in chosen]
    check_alike(args.activations[0].parent, {pair: each.widths for pair, each in found.items()})
    if not masks:
        raise UserError(f"nothing is masked: the copied system has no masks in {' and '.join(args.components)}")
    said = described(masks, like)
    write_masks(
        args.output, masks, stamp(made) | said | {"digest": masks_digest(masks), "code_version": code_version()}
    )
    line = f"[masks] {args.system} · {len(found)} directions · {said['density']:.1%} of the neurons kept"
    line += " · {least} to {most} in a layer, {mean:.1f} on average".format(**said["sizes"])
    line += f" · halves of the text agree by {said['halves']:.3f} (IoU)" if "halves" in said else ""
    line += f" · overlap with the copied system {said['overlap']:.3f} (IoU)" if like else ""
    print(line, flush=True)


if __name__ == "__main__":
    errors.run(main)
