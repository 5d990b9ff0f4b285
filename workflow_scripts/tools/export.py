"""Write the small model of one direction, ready to be served without this project.

    python -m workflow_scripts.tools.export --system ns --pair en-ka [--run demo] [--output DIR] [--compute-type int8]

Writes, by default to results/RUN/export/SYSTEM/PAIR, a folder with `ctranslate2/` (a CTranslate2 model), `fairseq/` (a
plain fairseq checkpoint with its dictionaries), the tokenizer and a README. Paths are those of the run unless given.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.artifacts import masks_digest, read_masks
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version

README = """# {system}, {pair}

One direction of a Neuron Specialization model, made by version {version}. {neurons}

Text is cut into pieces with {tokenizer}. A source sentence begins with `__{source}__`, a translation with
`__{target}__`.

## CTranslate2 ({compute_type})

```python
import ctranslate2, sentencepiece

tokenizer = sentencepiece.SentencePieceProcessor(model_file="sentencepiece.model")
translator = ctranslate2.Translator("ctranslate2")
pieces = ["__{source}__", *tokenizer.encode("…", out_type=str)]
found = translator.translate_batch([pieces], target_prefix=[["__{target}__"]], beam_size=5)
print(tokenizer.decode(found[0].hypotheses[0][1:]))
```

Unlike the pipeline's own engine this ranks finished hypotheses without the tag's probability, as fairseq counts it:
now and then the second best comes first.

## fairseq 0.12.2

Pieces on standard input, separated by spaces, one sentence per line:

```sh
python -m workflow_scripts.fairseq_plugin interactive fairseq --path fairseq/checkpoint.pt \\
    --task translation_multi_simple_epoch --langs {languages} --lang-pairs {pair} \\
    --source-lang {source} --target-lang {target} --encoder-langtok src --decoder-langtok --beam 5 \\
    --remove-bpe sentencepiece
```

That is fairseq's program, adapted by the project (which must be on the PYTHONPATH) to Python 3.11 and later; before
that `fairseq-interactive` with the same arguments does the same.
"""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="name of the system")
    parser.add_argument("--pair", type=Direction.parse, required=True, help="direction, as en-de")
    parser.add_argument("--run", default="demo", help="name of the run (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="data/manifest.json")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--masks", type=Path, help="the system's masks")
    parser.add_argument("--compute-type", default="float32", help="number format of the CTranslate2 model")
    parser.add_argument("--output", type=Path, help="folder to write")
    args = parser.parse_args()
    run = Path("results") / args.run
    own = run / "systems" / args.system / "checkpoint.pt"
    masks = run / "masks" / f"{args.system}.parquet"
    if not args.checkpoint and not own.exists() and not masks.exists() and args.system != "baseline":
        raise UserError(f"{run} has no system {args.system}: neither {own} nor {masks} exists; run it first")
    args.data = args.data or run / "data/manifest.json"
    args.masks = args.masks or (masks if masks.exists() and not args.checkpoint else None)
    args.checkpoint = args.checkpoint or (own if own.exists() else run / "baseline/checkpoint.pt")
    args.output = args.output or run / "export" / args.system / str(args.pair)
    return args


def readme(args: argparse.Namespace, manifest: Manifest, neurons: str) -> str:
    """The text of README.md."""
    moses = "Moses' tokenizer and then " if manifest.tokenization == "moses" else ""
    own = (
        "`sentencepiece.model`"
        if manifest.sentencepiece
        else "the SentencePiece model of the data-bin (not known here)"
    )
    return README.format(
        system=args.system,
        pair=args.pair,
        source=args.pair.source,
        target=args.pair.target,
        version=code_version(),
        neurons=neurons,
        tokenizer=moses + own,
        compute_type=args.compute_type,
        languages=",".join(manifest.languages),
    )


def main() -> None:
    args = parse()
    manifest = read_manifest(args.data)
    if not set(args.pair.languages) <= set(manifest.languages):
        raise UserError(f"--pair {args.pair}: the languages of this run are {', '.join(manifest.languages)}")
    masks = read_masks(args.masks) if args.masks else None
    kept = masks.kept().get(str(args.pair)) if masks else {}
    if kept is None:
        raise UserError(f"{args.masks} has no masks for {args.pair}: make masks that include it")

    from workflow_scripts.fairseq_plugin import model as transformer
    from workflow_scripts.formats import checkpoint as checkpoints
    from workflow_scripts.formats.ctranslate2_model import convert
    from workflow_scripts.formats.folded import aligned, folded_state
    from workflow_scripts.formats.small_fairseq import widths, write_plain

    loaded, dictionary = checkpoints.read_checkpoint(args.checkpoint), transformer.read_dictionary(manifest)
    transformer.check_fit(loaded, manifest, dictionary)
    checkpoints.refuse_other_masks(loaded, masks_digest(masks.rows) if masks else None)
    folder = args.output.with_name(f".{args.output.name}.tmp")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "fairseq").mkdir(parents=True)
    (folder / "ctranslate2").mkdir()
    small = folded_state(loaded.state, kept, aligned)
    convert(small, loaded.args, dictionary.symbols, args.compute_type, folder / "ctranslate2")
    write_plain(folder / "fairseq/checkpoint.pt", loaded.state, loaded.args, kept, args.pair, manifest.languages)
    for language in args.pair.languages:
        shutil.copyfile(manifest.dictionary, folder / f"fairseq/dict.{language}.txt")
    if manifest.sentencepiece:
        shutil.copyfile(manifest.sentencepiece, folder / "sentencepiece.model")
    wide = widths(loaded.args, kept)
    neurons = f"Its widest layers keep {wide['encoder']} (encoder) and {wide['decoder']} (decoder) neurons."
    (folder / "README.md").write_text(readme(args, manifest, neurons), encoding="utf-8")
    shutil.rmtree(args.output, ignore_errors=True)
    folder.replace(args.output)
    print(f"{args.pair} of {args.system}: {args.output}")


if __name__ == "__main__":
    errors.run(main)
