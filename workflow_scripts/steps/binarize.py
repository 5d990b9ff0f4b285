"""Encode the cleaned text of all pairs and write it as one fairseq data-bin, in one process.

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

from workflow_scripts.corpus import doubts, manifest, pieces
from workflow_scripts.corpus.filters import COLUMNS, filter_rows
from workflow_scripts.corpus.parallel import SPLITS, file_name, read_lines
from workflow_scripts.direction import parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import read_json, replacing, write_text
from workflow_scripts.progress import Progress

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


def main() -> None:
    args = arguments()
    # Imported late: fairseq takes seconds, and --help and wrong arguments should not.
    from workflow_scripts.fairseq_plugin.databin_writer import load_dictionary, write_data

    model, dictionary = pieces.load_model(args.model), load_dictionary(args.dictionary)
    folder = args.output / "bin"
    languages = args.codes.split(",")
    for language in languages:
        write_text(folder / f"dict.{language}.txt", args.dictionary.read_text(encoding="utf-8"))
    rows = []
    for pair in args.pairs:
        kept = read_json(args.folder / f"{pair}.json")["splits"]
        for split in SPLITS:
            sides = [args.folder / file_name(split, pair, language) for language in pair.languages]
            lines = kept[split][-1]["kept"]
            limit = PieceLimit(args.max_pieces, drop=split == "train")
            encoded = zip(*(pieces.encode(model, read_lines(side)) for side in sides), strict=True)
            progress = Progress(f"binarize {pair} {split}", lines, "lines")
            unknown = write_data([folder / side.name for side in sides], limit(encoded, progress), dictionary)
            doubts.check_known(str(pair), split, sum(unknown), limit.pieces)
            table = kept[split]
            if limit.drop:
                table = [*table, *filter_rows(limit.read, {"pieces": limit.long})]
                if not table[-1]["kept"]:
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
            rows += [{"pair": str(pair), "split": split, **row} for row in table]
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
