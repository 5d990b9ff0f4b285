"""Test whether a system differs from another one: paired bootstrap resampling and approximate randomization.

    python -m workflow_scripts.steps.significance results/run/scores --system ns --against baseline \\
        --pairs en-de,de-en --bootstrap 1000 --randomization 1000 --seed 222

Reads the segments that `score` (and `score_comet`) kept, and writes `{pair}.significance.json` beside
them: per metric, reading of the text and test the two scores, their difference and p, with sacrebleu's signature.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import read_metadata, read_segments
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import digest, write_json
from workflow_scripts.progress import Progress

SEGMENTS = ("{}.segments.parquet", "{}.comet.parquet")


def test_direction(args: argparse.Namespace, pair: str, kinds: tuple[str, ...]) -> None:
    """Test one direction in every metric and reading that both systems have."""
    import numpy as np

    from workflow_scripts.scoring.significance import compare

    samples = {"bootstrap": args.bootstrap, "randomization": args.randomization}
    tests = [{"test": test, "samples": number, "seed": args.seed} for test, number in samples.items() if number]
    target = args.scores / args.system / f"{pair}.significance.json"
    files = [[args.scores / name / kind.format(pair) for name in (args.system, args.against)] for kind in kinds]
    inputs = digest([[read_metadata(path).get("inputs") for both in files for path in both], args.against, tests])
    if target.exists() and all(entry.get("inputs") == inputs for entry in json.loads(target.read_text("utf-8"))):
        os.utime(target)
        return
    results: list[dict[str, Any]] = []
    # Repairing changes few texts; what it leaves alone is not tested again.
    tested: dict[str, Any] = {}
    for both in files:
        (ours, _), (theirs, _) = (read_segments(path) for path in both)
        for text, metric in ours:
            if (text, metric) not in theirs:
                raise UserError(f"{both[1]} has no {metric} of the {text} text: score it like {args.system}")
            pieces = ours[text, metric], theirs[text, metric]
            if len(pieces[0]) != len(pieces[1]):
                raise UserError(f"{pair}: {args.system} has {len(pieces[0])} segments, {args.against} {len(pieces[1])}")
            if text == "repaired" and all(map(np.array_equal, pieces, tested[metric][0])):
                found = tested[metric][1]
            else:
                found = [settings | compare(*pieces, metric, **settings) for settings in tests]
            tested[metric] = pieces, found
            common = {"name": metric, "text": text, "pair": pair, "against": args.against, "inputs": inputs}
            results += [result | common for result in found]
    write_json(target, results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, help="folder with a folder of scores per system")
    parser.add_argument("--system", required=True, help="the system to test")
    parser.add_argument("--against", required=True, help="the system it is compared with")
    parser.add_argument("--pairs", required=True, help="directions, separated by commas")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples; 0 leaves the test out")
    parser.add_argument("--randomization", type=int, default=1000, help="trials; 0 leaves the test out")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling")
    parser.add_argument("--comet", action="store_true", help="test COMET as well")
    args = parser.parse_args()
    pairs = args.pairs.split(",")
    progress = Progress(f"significance {args.system}", len(pairs), "directions")
    for done, pair in enumerate(pairs, start=1):
        test_direction(args, pair, SEGMENTS if args.comet else SEGMENTS[:1])
        progress.update(done, pair)


if __name__ == "__main__":
    run(main)
