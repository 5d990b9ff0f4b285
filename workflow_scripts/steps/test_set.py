"""Prepare one test set with the vocabulary of the training data; training depends on nothing of it.

    python -m workflow_scripts.steps.test_set --name ntrex --folder TEXT --split test --pairs en-de,en-fr \\
        --data results/demo/data/manifest.json --training results/demo/data/clean --settings '{"punctuation": false}' \\
        --output results/demo/data/tests/ntrex

reads the text in any layout of `corpus.test_sets`; without `--folder` the test set is that split of the given data-bin.
Writes `bin/`, a fairseq data-bin, `text/`, the lines that scores compare with, and `manifest.json`, which vouches for
both. Lines are normalized as those of valid are, and none is dropped; `text/` has them as they came. Where the data was
tokenized by Moses, so is the text, `text/` included: scoring undoes it on both sides alike. With `--training`, the
cleaned training text, it is counted how many lines stand there too.
"""

from __future__ import annotations

import argparse
import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from workflow_scripts.corpus import contamination, databin, pieces, prepared_set, test_sets
from workflow_scripts.corpus.check import check_text
from workflow_scripts.corpus.manifest import Manifest, data_digests, read_manifest
from workflow_scripts.corpus.parallel import file_name
from workflow_scripts.corpus.test_lines import Side
from workflow_scripts.corpus.test_lines import prepare as prepared
from workflow_scripts.direction import corpora, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import write_text
from workflow_scripts.progress import Progress

CODE = (
    "corpus.check",
    "corpus.contamination",
    "corpus.databin",
    "corpus.filters",
    "corpus.manifest",
    "corpus.normalize",
    "corpus.parallel",
    "corpus.pieces",
    "corpus.prepared_set",
    "corpus.test_lines",
    "corpus.test_sets",
    "fairseq_plugin.compat",
    "fairseq_plugin.databin_writer",
    "fairseq_plugin.shards",
    "formats.checkpoint",
    "formats.peek",
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="name of the test set in this run")
    parser.add_argument("--folder", type=Path, help="folder with the text; without it the data-bin's own is taken")
    parser.add_argument("--split", default="test", help="what the files' names begin with (default: %(default)s)")
    parser.add_argument("--pairs", type=parse_all, required=True)
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--training", type=Path, help="folder with the cleaned training text")
    parser.add_argument(
        "--settings", type=json.loads, default={"punctuation": False}, help="JSON: `punctuation` as in data.clean"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder of the test set")
    return parser.parse_args()


def from_text(args: argparse.Namespace, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Write data and lines of all pairs from the text; the pairs' entries in the manifest."""
    from workflow_scripts.fairseq_plugin.databin_writer import load_dictionary, write_data

    if manifest.sentencepiece is None:
        raise UserError(
            f"test set {args.name}: text cannot be encoded without the data-bin's SentencePiece model; name it in "
            "data.sentencepiece.model"
        )
    check_text(args.folder, args.pairs, [args.split])
    model, dictionary = pieces.load_model(manifest.sentencepiece), load_dictionary(manifest.dictionary)
    for language in manifest.languages:
        write_text(args.output / f"bin/dict.{language}.txt", manifest.dictionary.read_text(encoding="utf-8"))
    entries: dict[str, dict[str, Any]] = {}
    normalized: dict[str, dict[str, list[str]]] = {}
    # A multi-parallel file belongs to many pairs.
    prepare = cache(partial(prepared, punctuation=args.settings["punctuation"], tokenization=manifest.tokenization))
    progress = Progress(f"test set {args.name}", len(args.pairs), "pairs")
    for done, pair in enumerate(args.pairs, start=1):
        paths = dict(zip(pair.languages, test_sets.find(args.folder, args.split, pair), strict=True))
        lines = {language: prepare(path, language) for language, path in paths.items()}
        text = {language: written(args.output, paths[language], side) for language, side in lines.items()}
        prefixes = [args.output / "bin" / file_name(args.split, pair, language) for language in pair.languages]
        encoded = zip(*(pieces.encode(model, side.read) for side in lines.values()), strict=True)
        unknown = write_data(prefixes, encoded, dictionary)
        if any(unknown):
            print(f"[test set] {args.name} {pair}: {unknown[0]} and {unknown[1]} pieces are not in the dictionary")
        normalized[str(pair)] = {language: side.read for language, side in lines.items()}
        entries[str(pair)] = {"lines": len(lines[pair.source].raw), "text": text}
        progress.update(done, str(pair))
    for pair, found in counted(args, manifest, normalized).items():
        entries[pair]["contamination"] = found
    return entries


def written(output: Path, path: Path, side: Side) -> dict[str, str]:
    """Write the lines that scores compare with; where they are and the digests of them and of the raw ones."""
    file = f"text/{path.name.removesuffix('.gz')}"
    write_text(output / file, "".join(f"{line}\n" for line in side.scored))
    return {"file": file, "sha256": prepared_set.text_digest(side.scored), "raw": prepared_set.text_digest(side.raw)}


def counted(args: argparse.Namespace, manifest: Manifest, pairs: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    """How many lines of each pair stand in the training text; None where that text is not known."""
    if not args.training:
        return dict.fromkeys(pairs)
    found = contamination.count(pairs, pieces.language_files(args.training, manifest.pairs))
    for pair, lines in found.items():
        if lines["either"]:
            sides = ", ".join(f"{count} in {side}" for side, count in lines.items() if side != "either")
            print(
                f"[test set] {args.name} {pair}: {lines['either']} of {len(next(iter(pairs[pair].values())))} lines "
                f"stand in the training text, on one side or the other ({sides}); data.clean.held_out can keep them out"
            )
    return found


def main() -> None:
    args = arguments()
    manifest = read_manifest(args.data)
    # One set of files serves both directions.
    args.pairs = corpora(args.pairs, pivot="")
    if args.folder:
        folder, pairs = args.output / "bin", args.pairs
        entries = from_text(args, manifest)
    else:
        (folder,) = manifest.folders(args.split)
        pairs = [databin.name_of(folder, args.split, pair) for pair in args.pairs]
        entries = {str(pair): {"lines": None, "text": None, "contamination": None} for pair in pairs}
    digests = data_digests([folder], args.split, pairs)
    prepared_set.write(
        args.output / "manifest.json",
        name=args.name,
        split=args.split,
        folder=folder,
        dictionary_sha256=manifest.content["dictionary_sha256"],
        pairs={pair: {**entry, "data": digests[pair]} for pair, entry in entries.items()},
    )
    print(f"[test set] {args.name}: {len(entries)} pairs in {args.output}")


if __name__ == "__main__":
    run(main)
