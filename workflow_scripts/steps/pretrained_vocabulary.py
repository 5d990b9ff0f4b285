"""Take the vocabulary of a pretrained model, its tags called as the run calls its languages.

    python -m workflow_scripts.steps.pretrained_vocabulary --pretrained nllb --tags '{"en": "eng_Latn"}' \\
        --output results/nllb/data [--used CLEAN --pairs en-de,en-fr]

writes `sentencepiece.model`, fairseq's dictionary `dict.txt` (in the order of the model's rows) and `vocabulary.json`
(the tags, and how many symbols there are). A language without a tag is refused. With `--used`, the folder of the
cleaned text, only those symbols are kept that its training text has, with all single characters and the tags: other
pieces are marked as unused, so that SentencePiece cuts them into smaller ones.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from workflow_scripts.corpus import kept_pieces, pieces
from workflow_scripts.corpus.parallel import read_lines
from workflow_scripts.direction import parse_all, tag
from workflow_scripts.errors import run
from workflow_scripts.files import replacing, write_json, write_text
from workflow_scripts.formats.sentencepiece_proto import without
from workflow_scripts.formats.transformers_files import read_config
from workflow_scripts.formats.transformers_vocabulary import SPECIALS, Vocabulary, read_vocabulary, run_symbols

CODE = (
    "corpus.kept_pieces",
    "corpus.parallel",
    "corpus.pieces",
    "formats.sentencepiece_proto",
    "formats.transformers_files",
    "formats.transformers_vocabulary",
)


def used_symbols(vocabulary: Vocabulary, symbols: Sequence[str], args: argparse.Namespace) -> list[str]:
    """Of all `symbols` those that the training text needs, and which are there in any case, in their order."""
    files = [path for paths in pieces.language_files(args.used, args.pairs).values() for path in paths]
    model = pieces.load_model(vocabulary.sentencepiece)
    used = pieces.count_pieces(model, (line for path in files for line in read_lines(path)))
    known = [symbols[row] for row in vocabulary.pieces]
    kept = {*SPECIALS, *kept_pieces.kept_pieces(known, used), *map(tag, args.tags)}
    print(f"[vocabulary] {sum(piece in used for piece in known):,} of {len(known):,} pieces are used, as they are cut")
    return [symbol for symbol in symbols if symbol in kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pretrained", type=Path, required=True, help="folder of the model")
    parser.add_argument("--tags", type=json.loads, required=True, help="JSON: what it calls the run's languages")
    parser.add_argument("--output", type=Path, required=True, help="folder of the data stage")
    parser.add_argument("--used", type=Path, help="folder of cleaned text whose symbols are kept; else all are")
    parser.add_argument("--pairs", type=parse_all, default=[], help="pairs of that text")
    args = parser.parse_args()

    vocabulary = read_vocabulary(args.pretrained)
    symbols = run_symbols(vocabulary, args.tags)
    kept = used_symbols(vocabulary, symbols, args) if args.used else symbols
    unused = {symbols[row] for row in vocabulary.pieces}.difference(kept)
    with replacing(args.output / "sentencepiece.model") as model:
        model.write_bytes(without(vocabulary.sentencepiece.read_bytes(), unused))
    write_text(args.output / "dict.txt", "".join(f"{symbol} 1\n" for symbol in kept[len(SPECIALS) :]))
    counts = {"symbols": len(kept), "of": len(symbols)}
    write_json(args.output / "vocabulary.json", {"tags": args.tags, **counts})
    print(f"[vocabulary] {len(kept):,} of {len(symbols):,} symbols are kept")
    if args.used:
        saved = (len(symbols) - len(kept)) * read_config(args.pretrained)["d_model"]
        print(
            f"[vocabulary] saved: {saved:,} weights, which are {4 * saved / 1e9:.2f} GB in float32, and four times "
            "that in training with Adam"
        )
    for code, name in args.tags.items():
        print(f"[vocabulary] {code} is {name}, row {vocabulary.tags[name]:,}")


if __name__ == "__main__":
    run(main)
