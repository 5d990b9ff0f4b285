"""Test the mean over directions of a system against another's, by tier and direction type.

    python -m workflow_scripts.steps.significance_means --system ns --against baseline --pairs en-de,de-en \\
        --ours results/run/scores/ns --theirs results/run/scores/baseline --texts results/run/translations/ns \\
        --languages config/languages/ec30.tsv --bootstrap 1000 --randomization 20000 --seed 222 \\
        --output results/run/significance/baseline/ns/means.json

The unit that is swapped, or drawn, is the line of the test set, in every direction that holds it. Which directions
share lines is seen from the texts (`{pair}.src.txt`, `{pair}.ref.txt`): they do where the pivot language says the same.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import segments_digest
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.direction import Direction, joined, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import digest, write_json
from workflow_scripts.languages import read_languages
from workflow_scripts.progress import Progress
from workflow_scripts.scoring import mean_tests
from workflow_scripts.scoring.kept_segments import Adder, Reader, add_arguments, adder, check_alike, reader, tests_of
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import called

CODE = (
    "scoring.kept_segments",
    "scoring.mean_tests",
    "scoring.metric",
    "scoring.names",
    "scoring.resampling",
    "scoring.significance",
)


def texts_of(folder: Path, pair: Direction) -> mean_tests.Sides:
    """Source and reference lines of a direction."""
    paths = [folder / f"{pair}.{side}.txt" for side in ("src", "ref")]
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist: it is written with the translations")
    source, reference = (path.read_text(encoding="utf-8").split("\n")[:-1] for path in paths)
    return source, reference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, separated by commas")
    parser.add_argument("--texts", type=Path, required=True, help="folder of the system's translations")
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    args = parser.parse_args()
    read, summed = reader(args.metrics), adder(args)
    lines = mean_tests.shared_lines({pair: texts_of(args.texts, pair) for pair in args.pairs}, args.pivot)
    groups = mean_tests.groups(args.pairs, read_languages(args.languages), args.pivot)
    made = made_from(
        "significance_means",
        *map(METRICS.module, args.metrics),
        system=args.system,
        against=args.against,
        pairs=joined(args.pairs),
        segments=[[segments_digest(read(folder, str(pair))) for folder in (args.ours, args.theirs)] for pair in lines],
        lines=digest([numbers.tolist() for numbers in lines.values()]),
        groups=[[*group, weights.tolist()] for group, weights in groups.items()],
        metrics=[[name, each.signature] for pair in args.pairs for name, each in summed(pair.target).items()],
        tests=tests_of(args),
        sacrebleu=version("sacrebleu"),
    )
    progress = Progress(f"significance_means {args.system}", 1, "contrasts")
    if outstanding("significance_means", {args.system: [args.output]}, made):
        results = test_means(args, read, summed, lines, groups, made["tests"])
        write_json(args.output, {"results": results} | stamp(made))
    progress.update(1, f"against {args.against}")


def test_means(
    args: argparse.Namespace,
    read: Reader,
    summed: Adder,
    lines: dict[Direction, Any],
    groups: dict[tuple[str, str], Any],
    tests: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """The results of every metric, variant, mean and test. Raises `UserError` where directions were scored unalike."""
    import numpy as np

    from workflow_scripts.scoring.significance import paired, tested

    segments = {pair: [read(folder, str(pair)) for folder in (args.ours, args.theirs)] for pair in lines}
    for pair, (ours, theirs) in segments.items():
        check_alike(args, str(pair), ours, theirs, list(summed(pair.target)))
        if any(len(values) != len(lines[pair]) for values in ours.values()):
            raise UserError(f"{args.ours}: {pair} has other lines than {args.texts}; score it again")
    places = list(dict.fromkeys(place for ours, _ in segments.values() for place in ours))
    results: list[dict[str, Any]] = []
    for text, metric in places:
        lacking = [pair for pair, (ours, _) in segments.items() if (text, metric) not in ours]
        if lacking:
            raise UserError(f"{args.ours}: {joined(lacking)} has no {metric} of the {text} text; score all alike")
        pairs = [
            paired(ours[text, metric], theirs[text, metric], called(metric), summed(pair.target)[metric], lines[pair])
            for pair, (ours, theirs) in segments.items()
        ]
        weights = np.array(list(groups.values()))
        scores = np.array([pair.scores(np.stack([pair.ours.sum(0), pair.theirs.sum(0)])) for pair in pairs])
        real = weights @ scores
        for settings in tests:
            found = tested(pairs, weights, **settings)
            for (tier, kind), (score, against_score), one in zip(groups, real, found, strict=True):
                place = {"name": metric, "text": text, "tier": tier, "type": kind, **settings}
                values = {"score": score, "against_score": against_score, "difference": score - against_score}
                results.append(place | {name: float(value) for name, value in values.items()} | one)
    return results


if __name__ == "__main__":
    run(main)
