"""Train the joint SentencePiece model on all languages' training text and count the dictionary with it.

    python -m workflow_scripts.steps.sentencepiece_model --folder CLEAN --pairs en-de,en-fr --model OUT.model \\
        --dictionary OUT.txt --settings '{"size": 1500, "character_coverage": 1.0, "temperature": 1.0,
        "sample": 10000000, "model": null, "dictionary": null}'

writes the model and fairseq's dictionary (`piece count` lines). A model named in the settings is used as it is, and so
is its dictionary, as a given checkpoint needs it.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from workflow_scripts.corpus import pieces
from workflow_scripts.corpus.databin_content import count_symbols
from workflow_scripts.corpus.parallel import read_lines
from workflow_scripts.direction import parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import replacing, write_text

CODE = ("corpus.databin_content", "corpus.parallel", "corpus.pieces", "corpus.symbols")


def given(name: str, path: str) -> Path:
    """The file that the settings name."""
    if not Path(path).is_file():
        raise UserError(f"data.sentencepiece.{name}: there is no file {path}")
    return Path(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="folder with the cleaned text")
    parser.add_argument("--pairs", type=parse_all, required=True)
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: the section data.sentencepiece")
    parser.add_argument("--model", type=Path, required=True, help="the model to write")
    parser.add_argument("--dictionary", type=Path, required=True, help="the dictionary to write")
    args = parser.parse_args()

    settings = args.settings
    if settings["dictionary"] and not settings["model"]:
        raise UserError("data.sentencepiece.dictionary is set without data.sentencepiece.model: name both")
    files = pieces.language_files(args.folder, args.pairs)
    with replacing(args.model) as model:
        if settings["model"]:
            pieces.load_model(given("model", settings["model"]))
            shutil.copyfile(settings["model"], model)
        else:
            print(f"[sentencepiece] training {settings['size']:,} pieces on {len(files)} languages", flush=True)
            sizes = (settings[key] for key in ("size", "character_coverage", "temperature", "sample"))
            pieces.train_model(files, model, *sizes)
    if settings["dictionary"]:
        count_symbols(given("dictionary", settings["dictionary"]))
        text = Path(settings["dictionary"]).read_text(encoding="utf-8")
    else:
        processor = pieces.load_model(args.model)
        lines = (line for paths in files.values() for path in paths for line in read_lines(path))
        text = pieces.dictionary_text(pieces.count_pieces(processor, lines))
    write_text(args.dictionary, text)
    print(f"[sentencepiece] {len(text.splitlines()):,} pieces in the dictionary")


if __name__ == "__main__":
    run(main)
