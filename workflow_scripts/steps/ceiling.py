"""How well a model could score at most: references after the run's own cleaning, scored against the raw ones.

    python -m workflow_scripts.steps.ceiling --folder TEXT --split test --pairs en-de,de-en \\
        --settings '{"punctuation": true}' --metrics bleu chrf++ --output results/run/ceilings

A model learns to write as the cleaned training text does; scores compare with references as they came. Reads the text
of a test set in any layout of `corpus.test_sets`. Writes `{pair}.json`: an object whose `results` hold, per metric and
variant of the text, the `score` of the cleaned references and `best`, that of the raw ones, both against the raw ones.
A direction whose references and settings have not changed since is left as it is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.corpus import test_sets
from workflow_scripts.corpus.prepared_set import text_digest
from workflow_scripts.corpus.test_lines import Side, prepare
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import run
from workflow_scripts.files import write_json
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.scorers import Scorers, add_metrics, scorers_of

CODE = (
    "corpus.manifest",
    "corpus.normalize",
    "corpus.parallel",
    "corpus.prepared_set",
    "corpus.test_lines",
    "corpus.test_sets",
    "scoring.metric",
    "scoring.names",
    "scoring.scorers",
    "scoring.scores",
    "scoring.variants",
)


def reader(args: argparse.Namespace) -> Callable[[Direction], Side]:
    """A function that reads the references of a direction."""

    # A multi-parallel file belongs to many directions, one language after the other.
    @lru_cache(maxsize=1)
    def side(path: Path, language: str) -> Side:
        return prepare(path, language, args.settings["punctuation"], args.tokenization)

    return lambda pair: side(test_sets.find(args.folder, args.split, pair)[1], pair.target)


def made_of(args: argparse.Namespace, side: Side, scorers: Scorers) -> dict[str, Any]:
    """What the ceilings of a direction are made from."""
    from workflow_scripts.scoring.variants import detokenizer

    return made_from(
        "ceiling",
        *map(METRICS.module, args.metrics),
        cleaned=text_digest(side.read),
        references=text_digest(side.scored),
        tokenization=args.tokenization,
        detokenizer=detokenizer(args.tokenization),
        metrics=[[name, scorer.signature] for name, scorer in scorers.items()],
    )


def ceilings(side: Side, scorers: Scorers, tokenization: str, language: str) -> list[dict[str, Any]]:
    """The entries of the file: by metric and variant, what cleaned and raw references score."""
    from workflow_scripts.scoring.scores import score_variants

    cleaned, raw = (
        [entry for entry, _ in score_variants(scorers, lines, side.scored, tokenization, language)]
        for lines in (side.read, side.scored)
    )
    return [
        {name: entry[name] for name in ("name", "text", "signature", "score")} | {"best": best["score"]}
        for entry, best in zip(cleaned, raw, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="folder with the text")
    parser.add_argument("--split", default="test", help="what the files' names begin with (default: %(default)s)")
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, separated by commas")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: `punctuation` as in data.clean")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    add_metrics(parser)
    args = parser.parse_args()
    read, scorers = reader(args), scorers_of(args)
    directions = {str(one): one for one in sorted(args.pairs, key=lambda one: (one.target, one.source))}
    outputs = {name: [args.output / f"{name}.json"] for name in directions}

    def made(name: str) -> dict[str, Any]:
        return made_of(args, read(directions[name]), scorers(directions[name].target))

    todo = outstanding("ceiling", outputs, made)
    progress = Progress("ceiling", len(directions), "directions", len(directions) - len(todo))
    for done, name in enumerate(todo, start=len(directions) - len(todo) + 1):
        language = directions[name].target
        results = ceilings(read(directions[name]), scorers(language), args.tokenization, language)
        write_json(outputs[name][0], {"pair": name, "results": results} | stamp(made(name)))
        progress.update(done, name)
    if not todo:
        progress.update(len(directions), "all current")


if __name__ == "__main__":
    run(main)
