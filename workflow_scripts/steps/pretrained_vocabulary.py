"""Take the vocabulary of a pretrained model, its tags called as the run calls its languages.

    python -m workflow_scripts.steps.pretrained_vocabulary --pretrained nllb --tags '{"en": "eng_Latn"}' \\
        --output results/nllb/data

writes `sentencepiece.model`, fairseq's dictionary `dict.txt` (in the order of the model's rows) and `vocabulary.json`
(the tags, and how many symbols there are). A language without a tag is refused.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from workflow_scripts.errors import run
from workflow_scripts.files import replacing, write_json, write_text
from workflow_scripts.formats.transformers_vocabulary import SPECIALS, read_vocabulary, run_symbols

CODE = ("formats.sentencepiece_proto", "formats.transformers_files", "formats.transformers_vocabulary")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pretrained", type=Path, required=True, help="folder of the model")
    parser.add_argument("--tags", type=json.loads, required=True, help="JSON: what it calls the run's languages")
    parser.add_argument("--output", type=Path, required=True, help="folder of the data stage")
    args = parser.parse_args()

    vocabulary = read_vocabulary(args.pretrained)
    symbols = run_symbols(vocabulary, args.tags)
    with replacing(args.output / "sentencepiece.model") as model:
        shutil.copyfile(vocabulary.sentencepiece, model)
    write_text(args.output / "dict.txt", "".join(f"{symbol} 1\n" for symbol in symbols[len(SPECIALS) :]))
    write_json(args.output / "vocabulary.json", {"tags": args.tags, "symbols": len(symbols), "of": len(symbols)})
    print(f"[vocabulary] {len(symbols):,} symbols, {len(vocabulary.tags)} of them tags of languages")
    for code, name in args.tags.items():
        print(f"[vocabulary] {code} is {name}, row {vocabulary.tags[name]:,}")


if __name__ == "__main__":
    run(main)
