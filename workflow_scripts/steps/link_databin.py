"""Check a ready fairseq data-bin and describe it for the later stages.

    python -m workflow_scripts.steps.link_databin --folder EC30 --pairs en-de,en-nl --codes en,de,nl \\
        --tokenization moses --output DATA/manifest.json

`--folder` is the data-bin, or holds its shards (`shard0`, `shard1`, …) at any depth. Nothing is copied: the manifest
points to it. Refuses different dictionaries, missing files of train and valid, and what is no SentencePiece model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.corpus import databin, manifest, pieces
from workflow_scripts.direction import parse_all
from workflow_scripts.errors import run

CODE = ("corpus.databin", "corpus.manifest", "corpus.parallel", "corpus.pieces")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--pairs", type=parse_all, required=True)
    parser.add_argument("--codes", required=True, help="all languages, comma-separated, in the model's order")
    parser.add_argument("--tokenization", choices=("none", "moses"), required=True)
    parser.add_argument("--sentencepiece", type=Path, help="its SentencePiece model, where known")
    parser.add_argument("--output", type=Path, required=True, help="the manifest to write")
    args = parser.parse_args()

    languages = args.codes.split(",")
    shards = databin.find_shards(args.folder)
    databin.check_dictionaries(shards, languages)
    names = databin.check_pairs(shards, args.pairs)
    if args.sentencepiece:
        pieces.load_model(args.sentencepiece)
    print(f"[data-bin] {len(shards)} shard(s), {len(names)} pairs, all files there", flush=True)
    manifest.write(
        args.output,
        shards=shards,
        languages=languages,
        pairs=names,
        sentencepiece=args.sentencepiece,
        tokenization=args.tokenization,
        settings={},
    )


if __name__ == "__main__":
    run(main)
