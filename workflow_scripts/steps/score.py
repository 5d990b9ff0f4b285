"""Score translations with sacrebleu: BLEU, chrF++, and spBLEU where a SentencePiece model is given.

    python -m workflow_scripts.steps.score results/run/translations/ns --pairs en-de,de-en \\
        --output results/run/scores/ns

Reads `{pair}.hyp.txt` and `{pair}.ref.txt`. Writes `{pair}.json`, a list of sacrebleu's own JSON objects, each with the
reading of the text it scores (`raw`; or `published` and `repaired` where Moses tokenized it) and the lines whose
reference holds an unknown token; and `{pair}.segments.parquet`, the metrics' statistics of every segment, which the
significance tests reuse. A direction whose texts and settings have not changed since is left as it is.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import read_metadata, write_segments
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import digest, sha256, write_json
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.texts import read_lines


def score_direction(args: argparse.Namespace, pair: str, metrics: list[Any]) -> None:
    """Score one direction in every reading of its text."""
    from workflow_scripts.scoring.metrics import score_readings
    from workflow_scripts.scoring.variants import unknown_lines

    paths = [args.folder / f"{pair}.{role}.txt" for role in ("hyp", "ref")]
    scores, segments = args.output / f"{pair}.json", args.output / f"{pair}.segments.parquet"
    inputs = digest([[sha256(path) for path in paths], args.tokenization, [metric.settings for metric in metrics]])
    if scores.exists() and read_metadata(segments).get("inputs") == inputs:
        os.utime(scores)
        os.utime(segments)
        return
    hypotheses, references = (read_lines(path) for path in paths)
    if len(hypotheses) != len(references) or not references:
        raise UserError(f"{paths[0]} has {len(hypotheses)} lines, {paths[1]} has {len(references)}: they must match")
    unknown = unknown_lines(references)
    found = list(score_readings(metrics, hypotheses, references, args.tokenization, pair.split("-")[1]))
    common = {"pair": pair, "lines": len(references), "unknown_references": unknown, "inputs": inputs}
    write_segments(segments, rows(found), {"pair": pair, "inputs": inputs})
    write_json(scores, [score | common for score, _ in found])


def rows(found: list[tuple[dict[str, Any], Any]]) -> Iterator[dict[str, Any]]:
    """The rows of a segments file."""
    for score, statistics in found:
        for line, values in enumerate(statistics.tolist()):
            yield {"text": score["text"], "metric": score["name"], "id": line, "score": None, "statistics": values}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="TRANSLATIONS", help="translations of one system")
    parser.add_argument("--pairs", required=True, help="directions, separated by commas")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--tokenization", choices=("none", "moses"), default="none", help="how the text is tokenized")
    parser.add_argument(
        "--tokenizers", type=json.loads, default={"default": "13a"}, help="JSON: BLEU's tokenizer per language"
    )
    parser.add_argument("--spbleu", help="SentencePiece model file, flores101 or flores200")
    args = parser.parse_args()

    from workflow_scripts.scoring.metrics import MetricSet

    # Millions of small counters without cycles: looking for garbage among them takes a third of the time.
    gc.disable()
    metrics = MetricSet(args.tokenizers, args.spbleu)
    pairs = args.pairs.split(",")
    progress = Progress(f"score {args.folder.name}", len(pairs), "directions")
    # One target language after the other: its references' n-grams are counted once.
    for done, pair in enumerate(sorted(pairs, key=lambda pair: pair.split("-")[::-1]), start=1):
        score_direction(args, pair, metrics.of(pair.split("-")[1]))
        progress.update(done, pair)


if __name__ == "__main__":
    run(main)
