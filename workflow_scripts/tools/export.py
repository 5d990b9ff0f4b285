"""Write a system's model, ready to be used without this project.

    python -m workflow_scripts.tools.export --system ns --pair en-ka [--run demo] [--output DIR] [--compute-type int8]
    python -m workflow_scripts.tools.export --system ns --pair en-ka --format transformers
    python -m workflow_scripts.tools.export --system ns --format transformers

The small model of one direction, by default as a folder results/RUN/export/SYSTEM/PAIR with `ctranslate2/` (a
CTranslate2 model), `fairseq/` (a plain fairseq checkpoint with its dictionaries), the tokenizer and a README. With
`--format transformers` a folder for `transformers` (`from_pretrained`) with a model card; without `--pair` it holds the
whole model, the neuron sets of all directions and the lines that apply them. Paths are those of the run unless given.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from workflow_scripts import errors
from workflow_scripts.artifacts import Masks, masks_digest, read_masks, read_metadata
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.direction import Direction, joined, tag
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version
from workflow_scripts.paths import DEFAULT_SET, Paths

SMALL = ["ctranslate2", "fairseq"]
SEARCH = {"beam": 5, "length_penalty": 1.0, "max_length": 200}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="name of the system")
    parser.add_argument("--pair", type=Direction.parse, help="direction, as en-de; the whole model without it")
    parser.add_argument("--run", default="demo", help="name of the run (default: %(default)s)")
    parser.add_argument("--format", choices=[*SMALL, "transformers"], help="default: CTranslate2 and fairseq")
    parser.add_argument("--data", type=Path, help="data/manifest.json")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--masks", type=Path, help="the system's masks")
    parser.add_argument("--compute-type", default="float32", help="number format of the CTranslate2 model")
    parser.add_argument(
        "--license", default="other", help="the model card's licence (default: %(default)s, not stated)"
    )
    parser.add_argument("--output", type=Path, help="folder to write")
    args = parser.parse_args()
    if not args.pair and args.format != "transformers":
        raise UserError("--pair is needed: a whole model is written by --format transformers alone")
    run = Path(Paths(args.run).results)
    own = run / "systems" / args.system / "checkpoint.pt"
    masks = run / "masks" / f"{args.system}.parquet"
    if not args.checkpoint and not own.exists() and not masks.exists() and args.system != "baseline":
        raise UserError(f"{run} has no system {args.system}: neither {own} nor {masks} exists; run it first")
    args.data = args.data or run / "data/manifest.json"
    args.masks = args.masks or (masks if masks.exists() and not args.checkpoint else None)
    args.checkpoint = args.checkpoint or (own if own.exists() else run / "baseline/checkpoint.pt")
    export = run / "export" / args.system / ("" if args.format in (None, *SMALL) else args.format)
    args.output = args.output or export / str(args.pair or "all")
    return args


def directions_of(args: argparse.Namespace, manifest: Manifest, masks: Masks | None) -> list[Direction]:
    """The directions that the model is exported for."""
    if args.pair:
        return [args.pair]
    if masks:
        return [Direction.parse(pair) for pair in dict.fromkeys(row.pair for row in masks.rows)]
    return [one for pair in manifest.pairs for one in (pair, pair.reverse)]


def search_of(args: argparse.Namespace, directions: list[Direction]) -> dict[str, Any]:
    """The beam search that the run's own translations were made with, else the pipeline's defaults."""
    for pair in directions:
        known = read_metadata(Paths(args.run).translation(args.system, DEFAULT_SET, pair)[0])
        if SEARCH.keys() <= known.keys():
            return {name: known[name] for name in SEARCH}
    return SEARCH


def scores_of(args: argparse.Namespace, directions: list[Direction]) -> list[dict[str, Any]]:
    """What the run has scored of the system, on all its test sets."""
    from workflow_scripts.scoring.metrics import METRICS
    from workflow_scripts.scoring.tables import read_scores

    paths, rows = Paths(args.run), []
    folder = Path(paths.scores(args.system))
    further = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    for test_set in (DEFAULT_SET, *further):
        for pair in directions:
            files = {
                key: Path(paths.score(args.system, test_set, pair, metric.ends(key))[0])
                for key, metric in METRICS.items()
            }
            scored = [key for key, path in files.items() if path.exists()]
            rows += read_scores(folder.parent, test_set, args.system, [pair], scored)
    return rows


def write_transformers(
    args: argparse.Namespace, folder: Path, manifest: Manifest, masks: Masks | None, loaded: Any, symbols: list[str]
) -> None:
    """Everything of a folder for `transformers`."""
    from workflow_scripts.formats import checkpoint as checkpoints
    from workflow_scripts.formats import transformers_folder as folders
    from workflow_scripts.formats.small_fairseq import widths
    from workflow_scripts.formats.transformers_card import Card, render

    if not manifest.sentencepiece:
        raise UserError(
            f"{args.data} names no SentencePiece model, so no tokenizer can be written: set data.sentencepiece"
        )
    rows, directions = masks.rows if masks else None, directions_of(args, manifest, masks)
    kept = masks.kept().get(str(args.pair), {}) if masks else {}
    version = code_version()
    model = folders.Model(
        state=loaded.state,
        args=loaded.args,
        symbols=symbols,
        tags=[tag(language) for language in manifest.languages],
        sentencepiece=manifest.sentencepiece,
        search=search_of(args, directions),
        provenance=folders.provenance(version, checkpoints.identity(args.checkpoint), args.pair, rows),
    )
    if args.pair:
        written = folders.write_direction(folder, model, args.pair, kept)
    else:
        written = folders.write_whole(folder, model, rows)
    card = Card(
        system=args.system,
        pair=args.pair,
        directions=directions,
        masked=bool(rows),
        version=version,
        licence=args.license,
        written=written,
        tokenization=manifest.tokenization,
        neurons=neurons(widths(loaded.args, kept)) if args.pair else "",
        data={
            "languages": ", ".join(manifest.languages),
            "training data": f"{joined(manifest.pairs)}, fingerprint `{manifest.fingerprint}`",
            "dictionary": f"{len(symbols)} symbols, SHA-256 `{manifest.content['dictionary_sha256']}`",
        },
        scores=scores_of(args, directions),
    )
    (folder / "README.md").write_text(render(card), encoding="utf-8")


def neurons(wide: dict[str, int]) -> str:
    """A sentence on the widths of a small model."""
    return f"Its widest layers keep {wide['encoder']} (encoder) and {wide['decoder']} (decoder) neurons."


def main() -> None:
    args = parse()
    manifest = read_manifest(args.data)
    if args.pair and not set(args.pair.languages) <= set(manifest.languages):
        raise UserError(f"--pair {args.pair}: the languages of this run are {', '.join(manifest.languages)}")
    masks = read_masks(args.masks) if args.masks else None
    kept = masks.kept().get(str(args.pair)) if masks else {}
    if kept is None and args.pair:
        raise UserError(f"{args.masks} has no masks for {args.pair}: make masks that include it")

    from workflow_scripts.fairseq_plugin import model as transformer
    from workflow_scripts.formats import checkpoint as checkpoints
    from workflow_scripts.formats import small_folder
    from workflow_scripts.formats.small_fairseq import widths

    loaded, dictionary = checkpoints.read_checkpoint(args.checkpoint), transformer.read_dictionary(manifest)
    transformer.check_fit(loaded, manifest, dictionary)
    checkpoints.refuse_other_masks(loaded, masks_digest(masks.rows) if masks else None)
    folder = args.output.with_name(f".{args.output.name}.tmp")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if args.format == "transformers":
        write_transformers(args, folder, manifest, masks, loaded, dictionary.symbols)
    else:
        formats = [args.format] if args.format else SMALL
        small_folder.write(folder, formats, loaded, dictionary.symbols, manifest, args.pair, kept, args.compute_type)
        words = neurons(widths(loaded.args, kept))
        text = small_folder.readme(formats, args.system, args.pair, manifest, words, args.compute_type, code_version())
        (folder / "README.md").write_text(text, encoding="utf-8")
    shutil.rmtree(args.output, ignore_errors=True)
    folder.replace(args.output)
    print(f"{args.pair or 'all directions'} of {args.system}: {args.output}")


if __name__ == "__main__":
    errors.run(main)
