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
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import read_segments, segments_digest
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.command_line import add_options
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import write_json
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.metric import Summed
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import called, of_step, options_given

CODE = ("scoring.metric", "scoring.names", "scoring.resampling", "scoring.significance")
Segments = dict[tuple[str, str], Any]
Reader = Callable[[Path, str], Segments]
Adder = Callable[[str], dict[str, Summed]]


def reader(metrics: Sequence[str]) -> Reader:
    """A function that reads all segments of a direction in a folder: `{(variant, metric): [n, m]}`."""
    ends = list(dict.fromkeys(METRICS[key].ends(key)[1] for key in metrics))

    # What is read to be digested is read to be tested, too.
    @cache
    def read(folder: Path, pair: str) -> Segments:
        return {place: values for end in ends for place, values in read_segments(folder / f"{pair}.{end}")[0].items()}

    return read


def adder(args: argparse.Namespace) -> Adder:
    """A function that says how the metrics add up on text in a language, by the names that score files have."""
    given = {key: options_given([key], args) for key in args.metrics}

    @cache
    def summed(language: str) -> dict[str, Summed]:
        return {METRICS[key].stored_name: METRICS[key].summed(language, given[key]) for key in given}

    return summed


def tests_of(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The tests that are made."""
    samples = {"bootstrap": args.bootstrap, "randomization": args.randomization}
    return [{"test": test, "samples": number, "seed": args.seed} for test, number in samples.items() if number]


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
    for text, metric in ours:
        entry = called(metric)
        if metric not in summed:
            raise UserError(f"{args.ours}: {pair} has segments of {metric}, which --metrics does not name")
        if (text, metric) not in theirs:
            raise UserError(f"{args.theirs}: {pair} has no {metric} of the {text} text; score it like {args.system}")
        pieces = ours[text, metric], theirs[text, metric]
        if len(pieces[0]) != len(pieces[1]):
            raise UserError(f"{pair}: {args.system} has {len(pieces[0])} segments, {args.against} {len(pieces[1])}")
        if text == "repaired" and all(map(np.array_equal, pieces, tested[metric][0])):
            found = tested[metric][1]
        else:
            found = [settings | compare(*pieces, entry, summed[metric], **settings) for settings in made["tests"]]
        tested[metric] = pieces, found
        results += [result | {"name": metric, "text": text} for result in found]
    write_json(args.output / f"{pair}.json", {"pair": pair, "results": results} | stamp(made))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="the system to test")
    parser.add_argument("--against", required=True, help="the system it is compared with")
    parser.add_argument("--ours", type=Path, required=True, help="folder of the system's scores")
    parser.add_argument("--theirs", type=Path, required=True, help="folder of the other one's scores")
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, separated by commas")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples; 0 leaves intervals out")
    parser.add_argument("--randomization", type=int, default=20000, help="trials; 0 leaves p out")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling")
    parser.add_argument(
        "--metrics", nargs="+", choices=list(METRICS), default=["bleu", "chrf++"], help="what was computed"
    )
    add_options(parser, METRICS.options(of_step("score")))
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
