"""Translate a test set in several directions with one system and one model load.

    python -m workflow_scripts.steps.decode --system ns --data results/demo/data/manifest.json \
        --test-set results/demo/data/tests/test/manifest.json --checkpoint results/demo/systems/ns/checkpoint.pt \
        --masks results/demo/masks/ns.parquet --pairs en-ka,ka-en --output results/demo/translations/ns

Writes, per direction, PAIR.parquet (with scores) and PAIR.hyp.txt, PAIR.ref.txt and PAIR.src.txt: text after removal of
SentencePiece, one sentence per line in the order of the test set. What is current already is left as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workflow_scripts import errors
from workflow_scripts.artifacts import write_translations
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.cluster.gpus import claim
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.engines.decoding import Decoding, add_decoding
from workflow_scripts.files import code_version, write_text
from workflow_scripts.progress import Progress
from workflow_scripts.systems.variant import add_system_options, variant_of

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "corpus.prepared_set",
    "corpus.symbols",
    "engines.decoding",
    "engines.engine",
    "engines.hypothesis",
    "engines.opening",
    "engines.search",
    "engines.system_model",
    "fairseq_plugin.compat",
    "fairseq_plugin.datasets",
    "fairseq_plugin.model",
    "fairseq_plugin.prepared_text",
    "fairseq_plugin.shards",
    "formats.architecture",
    "formats.checkpoint",
    "formats.fairseq_settings",
    "formats.peek",
    "systems.kind",
    "systems.variant",
)
SIDES = {"hyp": "hypothesis", "ref": "reference", "src": "source"}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="name of the system")
    add_decoding(parser)
    add_system_options(parser)
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, comma-separated")
    parser.add_argument("--output", type=Path, required=True, help="folder of the files")
    return parser.parse_args()


def text_file(parquet: Path, side: str) -> Path:
    """`en-de.parquet` -> `en-de.hyp.txt`."""
    return parquet.with_suffix(f".{side}.txt")


def write(parquet: Path, rows: list[dict], metadata: dict, made: dict) -> None:
    """Write the text files of one direction, then its Parquet file, which vouches for them."""
    texts = {side: text_file(parquet, side) for side in SIDES}
    for side, path in texts.items():
        write_text(path, "".join(f"{row[SIDES[side]]}\n" for row in rows))
    write_translations(parquet, rows, metadata | stamp(made, list(texts.values())))


def main() -> None:
    args = parse()
    if args.device == "auto":
        claim(1)
    decoding, variant = Decoding.of(args), variant_of(args)
    test_set = decoding.test_set
    model = decoding.model(args.system, variant)
    shared = decoding.made_from(variant)

    def made(pair: str) -> dict[str, Any]:
        of_text = test_set.made_of(Direction.parse(pair))
        return made_from("decode", decoding.module, variant.module, **shared, **of_text)

    outputs = {str(pair): args.output / f"{pair}.parquet" for pair in args.pairs}
    files = {pair: [path, *(text_file(path, side) for side in SIDES)] for pair, path in outputs.items()}
    todo = outstanding("decode", files, made)
    progress = Progress(f"decode {args.system}", len(outputs), "directions", done=len(outputs) - len(todo))
    if todo:
        # Imported late: torch takes seconds, and --help and wrong arguments should not.
        from workflow_scripts.fairseq_plugin.prepared_text import TextReader

        engine = decoding.opened(model)
        read = TextReader(decoding.manifest, test_set, model.architecture.max_source)
    for number, pair in enumerate(todo, start=len(outputs) - len(todo) + 1):
        direction = Direction.parse(pair)
        text = read(direction)
        rows = text.rows([found[0] for found in engine.nbest(text.pieces, direction, 1)])
        metadata = {"pair": pair, "system": args.system, "test_set": test_set.name, "code_version": code_version()}
        write(outputs[pair], rows, metadata, made(pair))
        progress.update(number, pair)
    if not todo:
        progress.update(len(outputs), "all current")


if __name__ == "__main__":
    errors.run(main)
