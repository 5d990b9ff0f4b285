"""Encode the cleaned text of all pairs and write it as one fairseq data-bin.

    python -m workflow_scripts.steps.binarize --folder CLEAN --pairs en-de,en-fr --codes en,de,fr --model M.model \\
        --dictionary dict.txt --max-pieces 254 --output DATA

writes `DATA/bin/{train,valid}.{a}-{b}.{language}.{bin,idx}`, `DATA/bin/dict.{language}.txt`, `DATA/filters.csv` (what
each filter kept, per pair and split) and `DATA/manifest.json`, which later stages read. Training pairs with more than
`--max-pieces` pieces on a side are dropped (fairseq adds a language tag and an end mark); valid keeps all.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow_scripts.corpus import doubts, manifest, pieces
from workflow_scripts.corpus.filters import COLUMNS, filter_rows
from workflow_scripts.corpus.parallel import SPLITS, file_name, read_lines
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import read_json, replacing, write_text
from workflow_scripts.progress import Progress
from workflow_scripts.shares import shared_out

CODE = (
    "corpus.doubts",
    "corpus.filters",
    "corpus.manifest",
    "corpus.parallel",
    "corpus.pieces",
    "fairseq_plugin.compat",
    "fairseq_plugin.databin_writer",
    "fairseq_plugin.shards",
    "formats.checkpoint",
    "formats.peek",
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="folder with the cleaned text")
    parser.add_argument("--pairs", type=parse_all, required=True)
    parser.add_argument("--codes", required=True, help="all languages, comma-separated, in the model's order")
    parser.add_argument("--model", type=Path, required=True, help="SentencePiece model")
    parser.add_argument("--dictionary", type=Path, required=True, help="fairseq dictionary")
    parser.add_argument("--max-pieces", type=int, required=True)
    parser.add_argument("--processes", type=int, default=1, help="that share pairs and splits (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="folder of the data stage")
    return parser.parse_args()


class PieceLimit:
    """Pass on sentence pairs, without those of more than `limit` pieces if `drop`.

    Counts what it saw, what of it was too long, and the pieces that it passed on.
    """

    def __init__(self, limit: int, drop: bool) -> None:
        self.limit, self.drop = limit, drop
        self.read = self.long = self.pieces = 0

    def __call__(self, pairs: Iterator[tuple[list[str], ...]], progress: Progress) -> Iterator[tuple[list[str], ...]]:
        for self.read, pair in enumerate(pairs, start=1):
            too_long = max(map(len, pair)) > self.limit
            self.long += too_long
            progress.update(self.read)
            if not (too_long and self.drop):
                self.pieces += sum(map(len, pair))
                yield pair


Table = list[dict[str, Any]]
Task = tuple[Direction, str]
"""A pair and a split of it."""


def written(args: argparse.Namespace, kept: Table, task: Task) -> list[dict[str, Any]]:
    """Write the data of a pair in a split; its rows of `filters.csv`. `kept` is what cleaning has kept of it."""
    # Imported late: fairseq takes seconds, and --help and wrong arguments should not.
    from workflow_scripts.fairseq_plugin.databin_writer import load_dictionary, write_data

    pair, split = task
    model, dictionary = pieces.load_model(args.model), load_dictionary(args.dictionary)
    sides = [args.folder / file_name(split, pair, language) for language in pair.languages]
    limit = PieceLimit(args.max_pieces, drop=split == "train")
    encoded = zip(*(pieces.encode(model, read_lines(side)) for side in sides), strict=True)
    progress = Progress(f"binarize {pair} {split}", kept[-1]["kept"], "lines")
    prefixes = [args.output / "bin" / side.name for side in sides]
    unknown = write_data(prefixes, limit(encoded, progress), dictionary)
    doubts.check_known(str(pair), split, sum(unknown), limit.pieces)
    if limit.drop:
        kept = [*kept, *filter_rows(limit.read, {"pieces": limit.long})]
        if not kept[-1]["kept"]:
            raise UserError(
                f"pair {pair}: every training line has more than {args.max_pieces} pieces; raise "
                "data.clean.max_pieces or data.sentencepiece.size"
            )
        too_long = {f"more than {args.max_pieces} pieces": limit.long}
        for doubt in doubts.of_skipped(str(pair), too_long, limit.read):
            print(f"[binarize] WARNING: {doubt}", flush=True)
    elif limit.long:
        print(f"[binarize] {sides[0]}: {limit.long} lines have more than {args.max_pieces} pieces (kept)")
    if any(unknown) and split != "train":
        print(f"[binarize] {pair} {split}: {unknown[0]} and {unknown[1]} pieces are not in the dictionary")
    return [{"pair": str(pair), "split": split, **row} for row in kept]


def main() -> None:
    args = arguments()
    folder, languages = args.output / "bin", args.codes.split(",")
    for language in languages:
        write_text(folder / f"dict.{language}.txt", args.dictionary.read_text(encoding="utf-8"))
    cleaned = {pair: read_json(args.folder / f"{pair}.json")["splits"] for pair in args.pairs}
    tasks = [(pair, split) for pair in args.pairs for split in SPLITS]
    kept = {task: cleaned[task[0]][task[1]] for task in tasks}
    sizes = [kept[task][-1]["kept"] for task in tasks]
    found = shared_out(lambda task: written(args, kept[task], task), tasks, sizes, args.processes)
    rows = [row for each in found for row in each]
    with replacing(args.output / "filters.csv") as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    manifest.write(
        args.output / "manifest.json",
        shards=[folder],
        languages=languages,
        pairs=args.pairs,
        sentencepiece=args.model,
        tokenization="none",
        settings={"max_pieces": args.max_pieces},
    )


if __name__ == "__main__":
    run(main)
