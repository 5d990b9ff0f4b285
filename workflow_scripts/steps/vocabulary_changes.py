"""Count what a smaller vocabulary changes in validation and test text.

    python -m workflow_scripts.steps.vocabulary_changes --pretrained nllb --data results/nllb/data/manifest.json \\
        --clean results/nllb/data/clean --test-sets results/nllb/data/tests/test/manifest.json \\
        --output results/nllb/tables/vocabulary.csv

writes, for each text and language, how many pieces the model's own vocabulary would cut it into, and how many of them
were not kept (they are cut into smaller ones).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.corpus import kept_pieces, pieces
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.corpus.parallel import file_name, read_lines
from workflow_scripts.corpus.prepared_set import read_prepared
from workflow_scripts.corpus.symbols import read_symbols
from workflow_scripts.errors import run
from workflow_scripts.files import replacing
from workflow_scripts.formats.transformers_vocabulary import read_vocabulary

CODE = (
    "corpus.kept_pieces",
    "corpus.manifest",
    "corpus.parallel",
    "corpus.pieces",
    "corpus.prepared_set",
    "corpus.symbols",
    "formats.sentencepiece_proto",
    "formats.transformers_files",
    "formats.transformers_vocabulary",
)
COLUMNS = ("text", "language", "pieces", "changed", "share")


def texts(args: argparse.Namespace, manifest: Manifest) -> Iterator[tuple[str, str, Path]]:
    """`(text, language, file)` of validation text and of every test set."""
    for pair in manifest.pairs:
        yield from (("valid", code, args.clean / file_name("valid", pair, code)) for code in pair.languages)
    for path in args.test_sets:
        prepared = read_prepared(path, manifest)
        for pair in prepared.content["pairs"].values():
            yield from ((prepared.name, code, path.parent / side["file"]) for code, side in pair["text"].items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pretrained", type=Path, required=True, help="folder of the model")
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--clean", type=Path, required=True, help="folder of the cleaned text")
    parser.add_argument("--test-sets", type=Path, nargs="+", required=True, help="manifests of test sets")
    parser.add_argument("--output", type=Path, required=True, help="table to write")
    args = parser.parse_args()

    manifest, vocabulary = read_manifest(args.data), read_vocabulary(args.pretrained)
    kept = set(read_symbols(manifest.dictionary, manifest.languages))
    known = {vocabulary.symbols[row] for row in vocabulary.pieces}
    model = pieces.load_model(vocabulary.sentencepiece)
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for text, code, path in texts(args, manifest):
        before = found.get((text, code), (0, 0))
        counts = kept_pieces.changed(model, read_lines(path), known, kept)
        found[text, code] = (before[0] + counts[0], before[1] + counts[1])
    with replacing(args.output) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        names = list(dict.fromkeys(text for text, _ in found))
        for text, code in sorted(found, key=lambda place: (names.index(place[0]), place[1])):
            total, other = found[text, code]
            writer.writerow([text, code, total, other, f"{other / max(total, 1):.6f}"])
    for text in names:
        total, other = (sum(counts[side] for (of, _), counts in found.items() if of == text) for side in (0, 1))
        print(f"[vocabulary] {text}: {kept_pieces.share(total, other)} are not kept, and cut into smaller ones")


if __name__ == "__main__":
    run(main)
