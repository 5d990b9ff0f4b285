"""The segments that scoring kept, and how they add up: what tests of significance work on."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import read_segments
from workflow_scripts.command_line import add_options
from workflow_scripts.errors import UserError
from workflow_scripts.scoring.metric import Summed
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import called, of_step, options_given

CODE = ("scoring.metric", "scoring.names")
Segments = dict[tuple[str, str], Any]
Reader = Callable[[Path, str], Segments]
Adder = Callable[[str], dict[str, Summed]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a command that tests one system against another."""
    parser.add_argument("--system", required=True, help="the system to test")
    parser.add_argument("--against", required=True, help="the system it is compared with")
    parser.add_argument("--ours", type=Path, required=True, help="folder of the system's scores")
    parser.add_argument("--theirs", type=Path, required=True, help="folder of the other one's scores")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples; 0 leaves intervals out")
    parser.add_argument("--randomization", type=int, default=20000, help="trials; 0 leaves p out")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling")
    parser.add_argument(
        "--metrics", nargs="+", choices=list(METRICS), default=["bleu", "chrf++"], help="what was computed"
    )
    add_options(parser, METRICS.options(of_step("score")))


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


def check_alike(args: argparse.Namespace, pair: str, ours: Segments, theirs: Segments, known: Sequence[str]) -> None:
    """Raise `UserError` unless the other system has all that this one has, of as many segments.

    `known` are the metrics that were asked for.
    """
    for text, metric in ours:
        called(metric)
        if metric not in known:
            raise UserError(f"{args.ours}: {pair} has segments of {metric}, which --metrics does not name")
        if (text, metric) not in theirs:
            raise UserError(f"{args.theirs}: {pair} has no {metric} of the {text} text; score it like {args.system}")
        sizes = len(ours[text, metric]), len(theirs[text, metric])
        if sizes[0] != sizes[1]:
            raise UserError(f"{pair}: {args.system} has {sizes[0]} segments, {args.against} {sizes[1]}")
