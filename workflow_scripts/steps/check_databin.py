"""Look into a ready data-bin before anything is trained on it.

    python -m workflow_scripts.steps.check_databin --folder EC30 --pairs en-de,en-nl --codes en,de,nl \\
        --splits train,valid,test --output DATA/databin_checked.json

Reads every index, and every symbol, of every shard, and writes the number of sentences by split and pair. Refuses what
fairseq would fail at: cut or exchanged files, sides of different length, empty sentences, symbols that the dictionary
does not have, dictionaries that differ or are empty. Warns where there is hardly any text, or much that is too long.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.corpus import databin
from workflow_scripts.corpus.databin_content import check_pair, count_long, count_symbols
from workflow_scripts.corpus.doubts import of_size, of_skipped
from workflow_scripts.corpus.parallel import file_name
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import run
from workflow_scripts.files import write_json
from workflow_scripts.progress import Progress

CODE = ("corpus.databin", "corpus.databin_content", "corpus.doubts", "corpus.parallel", "corpus.symbols")


def sentences(shards: list[Path], split: str, pair: Direction, symbols: int, positions: int | None) -> tuple[int, int]:
    """Check a pair in a split in all shards that have it: its sentences, and those too long for so many positions."""
    name, total, long = databin.name_of(shards[0], split, pair), 0, 0
    for shard in shards if split == "train" else shards[:1]:
        one, other = (shard / file_name(split, name, language) for language in name.languages)
        if one.with_name(f"{one.name}.idx").exists():
            total += check_pair((one, other), symbols)
            long += count_long((one, other), positions) if positions else 0
    return total, long


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="the data-bin, or a folder with its shards")
    parser.add_argument("--pairs", type=parse_all, required=True)
    parser.add_argument("--codes", required=True, help="all languages, comma-separated")
    parser.add_argument("--splits", type=lambda text: text.split(","), required=True, help="train,valid,test")
    parser.add_argument("--positions", type=int, help="those of the model, to warn of sentences that do not fit")
    parser.add_argument("--output", type=Path, required=True, help="where to write the numbers of sentences")
    args = parser.parse_args()

    shards = databin.find_shards(args.folder)
    databin.check_dictionaries(shards, args.codes.split(","))
    symbols = count_symbols(shards[0] / f"dict.{args.codes.partition(',')[0]}.txt")
    progress, found = Progress("data-bin check", len(args.splits) * len(args.pairs), "pairs"), {}
    for number, split in enumerate(args.splits):
        found[split] = {}
        for done, pair in enumerate(args.pairs, start=1 + number * len(args.pairs)):
            total, long = sentences(shards, split, pair, symbols, args.positions)
            found[split][str(pair)] = total
            progress.update(done, f"{split} {pair}")
            too_long = {f"longer than model.max_positions {args.positions}": long} if split == "train" else {}
            for doubt in (*of_size(str(pair), split, total), *of_skipped(str(pair), too_long, total)):
                print(f"[data-bin] WARNING: {doubt}", flush=True)
    write_json(args.output, found)


if __name__ == "__main__":
    run(main)
