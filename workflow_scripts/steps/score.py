"""Score translations by metrics that count: BLEU, chrF++, and what more is registered.

    python -m workflow_scripts.steps.score results/run/translations/ns --pairs en-de,de-en \\
        --metrics bleu chrf++ ter --output results/run/scores/ns

Each metric has options of its own. Reads `{pair}.hyp.txt` and `{pair}.ref.txt`. Writes `{pair}.json`, a list of
sacrebleu's own JSON objects, each with the variant of the text it scores (`raw`; or `published` and `repaired` where
Moses tokenized it) and the lines whose reference holds an unknown token; and `{pair}.segments.parquet`, the metrics'
statistics of every segment, which the significance tests reuse. A direction whose texts, metrics and settings have not
changed since is left as it is.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import write_segments
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import sha256, write_json
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.scorers import Scorers, add_metrics, scorers_of
from workflow_scripts.scoring.texts import read_lines

CODE = (
    "scoring.metric",
    "scoring.names",
    "scoring.scorers",
    "scoring.scores",
    "scoring.texts",
    "scoring.variants",
)


def texts_of(args: argparse.Namespace, direction: Direction) -> list[Path]:
    """Hypotheses and references."""
    return [args.folder / f"{direction}.{role}.txt" for role in ("hyp", "ref")]


def outputs_of(args: argparse.Namespace, direction: Direction) -> list[Path]:
    """The segments, which vouch for the scores, and the scores."""
    return [args.output / f"{direction}.{end}" for end in ("segments.parquet", "json")]


def made_of(args: argparse.Namespace, direction: Direction, scorers: Scorers) -> dict[str, Any]:
    """What the scores of a direction are made from."""
    from workflow_scripts.scoring.variants import detokenizer

    hypotheses, references = map(sha256, texts_of(args, direction))
    return made_from(
        "score",
        *map(METRICS.module, args.metrics),
        hypotheses=hypotheses,
        references=references,
        tokenization=args.tokenization,
        detokenizer=detokenizer(args.tokenization),
        metrics=[[name, scorer.signature] for name, scorer in scorers.items()],
    )


def score_direction(args: argparse.Namespace, direction: Direction, scorers: Scorers) -> None:
    """Score one direction in every variant of its text."""
    from workflow_scripts.scoring.scores import score_variants
    from workflow_scripts.scoring.variants import unknown_lines

    made, paths = made_of(args, direction, scorers), texts_of(args, direction)
    hypotheses, references = (read_lines(path) for path in paths)
    if len(hypotheses) != len(references) or not references:
        raise UserError(f"{paths[0]} has {len(hypotheses)} lines, {paths[1]} has {len(references)}: they must match")
    found = list(score_variants(scorers, hypotheses, references, args.tokenization, direction.target))
    common = {"pair": str(direction), "lines": len(references), "unknown_references": unknown_lines(references)}
    segments, scores = outputs_of(args, direction)
    write_json(scores, [score | common for score, _ in found])
    write_segments(segments, rows(found), {"pair": str(direction)} | stamp(made, [scores]))


def rows(found: list[tuple[dict[str, Any], Any]]) -> Iterator[dict[str, Any]]:
    """The rows of a segments file."""
    for score, statistics in found:
        for line, values in enumerate(statistics.tolist()):
            yield {"text": score["text"], "metric": score["name"], "id": line, "score": None, "statistics": values}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="TRANSLATIONS", help="translations of one system")
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, separated by commas")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    add_metrics(parser)
    args = parser.parse_args()
    scorers = scorers_of(args)

    # Millions of small counters without cycles: looking for garbage among them takes a third of the time.
    gc.disable()
    # One target language after the other: its references' n-grams are counted once.
    directions = {str(one): one for one in sorted(args.pairs, key=lambda one: (one.target, one.source))}
    todo = outstanding(
        "score",
        {name: outputs_of(args, one) for name, one in directions.items()},
        lambda name: made_of(args, directions[name], scorers(directions[name].target)),
    )
    progress = Progress(f"score {args.folder.name}", len(directions), "directions", len(directions) - len(todo))
    for done, name in enumerate(todo, start=len(directions) - len(todo) + 1):
        score_direction(args, directions[name], scorers(directions[name].target))
        progress.update(done, name)
    if not todo:
        progress.update(len(directions), "all current")


if __name__ == "__main__":
    run(main)
