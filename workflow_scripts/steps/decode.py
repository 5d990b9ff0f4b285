"""Translate the test set of several directions with one system and one model load.

    python -m workflow_scripts.steps.decode --system ns --data results/demo/data/manifest.json \
        --checkpoint results/demo/systems/ns/checkpoint.pt --masks results/demo/masks/ns.parquet \
        results/demo/translations/ns/en-ka.parquet …

Writes, per direction, PAIR.parquet (with scores) and PAIR.hyp.txt, PAIR.ref.txt and PAIR.src.txt: text after removal of
SentencePiece, one sentence per line in the order of the test set. What is current already is left as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.artifacts import masks_digest, read_masks, write_translations
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.cluster.gpus import claim
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.files import code_version, sha256, write_text
from workflow_scripts.progress import Progress

CODE = (
    "engines.ctranslate2_beam",
    "engines.hypothesis",
    "engines.search",
    "engines.split_model",
    "fairseq_plugin.beam_search",
    "fairseq_plugin.compat",
    "fairseq_plugin.datasets",
    "fairseq_plugin.model",
    "fairseq_plugin.translator",
    "formats.checkpoint",
    "formats.ctranslate2_model",
    "formats.ctranslate2_specs",
    "formats.folded",
    "layers.specialized_ffn",
)
SIDES = {"hyp": "hypothesis", "ref": "reference", "src": "source"}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="name of the system")
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--masks", type=Path, help="the masks it was trained with")
    parser.add_argument("--engine", choices=["fairseq", "ctranslate2"], default="fairseq")
    parser.add_argument("--compute-type", default="float32", help="number format of CTranslate2")
    parser.add_argument("--split", default="test", help="text to translate (default: %(default)s)")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--length-penalty", type=float, default=1.0)
    parser.add_argument("--max-tokens", type=int, default=12000, help="source tokens of a batch")
    parser.add_argument("--max-length", type=int, default=200, help="longest hypothesis in pieces")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 …")
    parser.add_argument("outputs", type=Path, nargs="+", metavar="PAIR.parquet", help="files to write")
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
    manifest: Manifest = read_manifest(args.data)
    masks = read_masks(args.masks) if args.masks else None
    search = ("split", "engine", "compute_type", "beam", "length_penalty", "max_tokens", "max_length")
    made = made_from(
        "decode",
        **{name: getattr(args, name) for name in search},
        system=args.system,
        checkpoint_sha256=sha256(args.checkpoint),
        masks=masks_digest(masks.rows) if masks else None,
        data_fingerprint=manifest.fingerprint,
    )
    outputs = {path.stem: path for path in args.outputs}
    files = {pair: [path, *(text_file(path, side) for side in SIDES)] for pair, path in outputs.items()}
    todo = outstanding("decode", files, made)
    progress = Progress(f"decode {args.system}", len(outputs), "directions", done=len(outputs) - len(todo))
    if todo:
        from workflow_scripts.fairseq_plugin.translator import Translator

        translator = Translator(args, manifest, masks)
    for number, pair in enumerate(todo, start=len(outputs) - len(todo) + 1):
        rows = translator.translate(pair)
        write(outputs[pair], rows, {"pair": pair, "code_version": code_version()}, made)
        progress.update(number, pair)
    if not todo:
        progress.update(len(outputs), "all current")


if __name__ == "__main__":
    errors.run(main)
