"""Score the baseline under the masks of other directions, and say whether a direction's own masks serve it best.

    python -m workflow_scripts.steps.crossed_scores results/demo/crossed/ns --system ns \\
        --unmasked results/demo/crossed/unmasked.parquet --donors en-ka,en-de,ka-en,de-en --metrics bleu chrf++ \\
        --output results/demo/tables/crossed-ns.csv

Reads what `crossed` wrote. Writes a table of system, kind, pair (decoded), masks (of which direction; empty for none),
metric, text, score and lines. Prints, per kind and metric, the mean score under own masks, under those of others, and
without masks, in the last variant of the text.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts_crossed import Texts, read_crossed
from workflow_scripts.direction import KINDS, Direction, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import replacing
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.scorers import Scorers, add_metrics, scorers_of

CODE = (
    "reporting.crossed",
    "reporting.overlaps",
    "scoring.metric",
    "scoring.names",
    "scoring.scorers",
    "scoring.scores",
    "scoring.variants",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of what was decoded under the masks of each donor")
    parser.add_argument("--system", required=True, help="name of the system whose masks they are")
    parser.add_argument("--unmasked", type=Path, required=True, help="what was decoded under none")
    parser.add_argument("--donors", type=parse_all, required=True, help="directions, comma-separated")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    add_metrics(parser)
    args = parser.parse_args()
    scorers = scorers_of(args)

    import pandas as pd

    from workflow_scripts.reporting import crossed

    # See `score`.
    gc.disable()
    files = {"": args.unmasked} | {str(donor): args.folder / f"{donor}.parquet" for donor in args.donors}
    texts = {masks: read_crossed(path) for masks, path in files.items()}
    pairs = list(map(Direction.parse, texts[""]))
    rows: dict[Direction, list[dict[str, Any]]] = {}
    progress = Progress(f"crossed_scores {args.system}", len(pairs), "directions")
    # One target language after the other: its references' n-grams are counted once.
    for done, pair in enumerate(sorted(pairs, key=lambda one: (one.target, one.source)), start=1):
        found = {masks: own[str(pair)] for masks, own in texts.items() if str(pair) in own}
        shared = {"system": args.system, "kind": pair.kind(args.pivot), "pair": str(pair)}
        rows[pair] = [shared | row for row in scores(pair, found, scorers(pair.target), args.tokenization, files)]
        progress.update(done, str(pair))
    ordered = sorted(pairs, key=lambda pair: KINDS.index(pair.kind(args.pivot)))
    table = pd.DataFrame([row for pair in ordered for row in rows[pair]], columns=list(crossed.COLUMNS))
    with replacing(args.output) as temporary:
        table.to_csv(temporary, index=False, float_format="%.4f")
    for line in crossed.said(table, args.pivot):
        print(f"[crossed {args.system}] {line}")


def scores(
    pair: Direction, found: Mapping[str, Texts], scorers: Scorers, tokenization: str, files: Mapping[str, Path]
) -> Iterator[dict[str, Any]]:
    """The rows of a direction that is decoded. Raises `UserError` where files do not hold the same lines of it."""
    from workflow_scripts.scoring.names import called
    from workflow_scripts.scoring.scores import score_variants

    references = found[""].references
    for masks, texts in found.items():
        if texts.references != references:
            raise UserError(f"{files[masks]} and {files['']} hold other lines of {pair}: decode them again")
        for entry, _ in score_variants(scorers, texts.hypotheses, references, tokenization, pair.target):
            metric = called(entry["name"]).name
            row = {"masks": masks, "metric": metric, "text": entry["text"], "score": entry["score"]}
            yield row | {"lines": len(references)}


if __name__ == "__main__":
    run(main)
