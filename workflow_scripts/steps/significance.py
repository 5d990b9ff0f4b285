"""Test whether a system differs from another one: approximate randomization for p, the paired bootstrap for intervals.

    python -m workflow_scripts.steps.significance --system ns --against baseline --pairs en-de,de-en \\
        --ours results/run/scores/ns --theirs results/run/scores/baseline \\
        --bootstrap 1000 --randomization 20000 --seed 222 --output results/run/significance/baseline/ns

Reads the segments that `score` (and `score_comet`) kept, and writes `{pair}.json`: an object whose `results` hold per
metric, variant of the text and test the two scores, their difference, p (of randomization) and a 95 % interval (of the
bootstrap), with a signature in sacrebleu's form. A direction whose segments and tests have not changed since is left as
it is.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import segments_digest
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import run
from workflow_scripts.files import write_json
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.kept_segments import Reader, add_arguments, adder, check_alike, reader, tests_of
from workflow_scripts.scoring.metric import Summed
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import called

CODE = ("scoring.kept_segments", "scoring.metric", "scoring.names", "scoring.resampling", "scoring.significance")


def made_of(args: argparse.Namespace, pair: str, read: Reader, summed: dict[str, Summed]) -> dict[str, Any]:
    """What the tests of a direction are made from."""
    return made_from(
        "significance",
        *map(METRICS.module, args.metrics),
        system=args.system,
        against=args.against,
        segments=segments_digest(read(args.ours, pair)),
        against_segments=segments_digest(read(args.theirs, pair)),
        metrics=[[name, each.signature] for name, each in summed.items()],
        tests=tests_of(args),
        sacrebleu=version("sacrebleu"),
    )


def test_direction(args: argparse.Namespace, pair: str, read: Reader, summed: dict[str, Summed]) -> None:
    """Test one direction in every metric and variant that both systems have."""
    import numpy as np

    from workflow_scripts.scoring.significance import compare

    made = made_of(args, pair, read, summed)
    ours, theirs = (read(folder, pair) for folder in (args.ours, args.theirs))
    results: list[dict[str, Any]] = []
    # Repairing changes few texts; what it leaves alone is not tested again.
    tested: dict[str, Any] = {}
    check_alike(args, pair, ours, theirs, list(summed))
    for text, metric in ours:
        entry = called(metric)
        pieces = ours[text, metric], theirs[text, metric]
        if text == "repaired" and all(map(np.array_equal, pieces, tested[metric][0])):
            found = tested[metric][1]
        else:
            found = [settings | compare(*pieces, entry, summed[metric], **settings) for settings in made["tests"]]
        tested[metric] = pieces, found
        results += [result | {"name": metric, "text": text} for result in found]
    write_json(args.output / f"{pair}.json", {"pair": pair, "results": results} | stamp(made))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, separated by commas")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    outputs = {str(one): [args.output / f"{one}.json"] for one in args.pairs}
    read, summed = reader(args.metrics), adder(args)

    def summed_of(pair: str) -> dict[str, Summed]:
        return summed(Direction.parse(pair).target)

    todo = outstanding("significance", outputs, lambda pair: made_of(args, pair, read, summed_of(pair)))
    progress = Progress(f"significance {args.system}", len(outputs), "directions", len(outputs) - len(todo))
    for done, pair in enumerate(todo, start=len(outputs) - len(todo) + 1):
        test_direction(args, pair, read, summed_of(pair))
        progress.update(done, pair)
    if not todo:
        progress.update(len(outputs), "all current")


if __name__ == "__main__":
    run(main)
