"""Write the raw text of a source that makes it, for every pair: `FOLDER/{split}.{a}-{b}.{language}`.

    python -m workflow_scripts.steps.make_text --source synthetic --languages config/languages/synthetic.tsv \\
        --pairs en-qa,en-xa --splits train,valid --seed 1 --output FOLDER \\
        --settings '{"synthetic": {"train": {"high": 3000, "medium": 1000, "low": 300}, "valid": 120}}'

What one split holds does not depend on the others. The same arguments give the same bytes where the source does.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path

from workflow_scripts.corpus.parallel import file_name
from workflow_scripts.corpus.sources import SOURCES
from workflow_scripts.direction import parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import replacing
from workflow_scripts.languages import read_languages
from workflow_scripts.progress import Progress

CODE = ("corpus.parallel",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made = [name for name, source in SOURCES.items() if source.form == "made"]
    parser.add_argument("--source", choices=made, required=True)
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pairs", type=parse_all, required=True, help="pairs to write")
    parser.add_argument("--splits", type=lambda text: text.split(","), required=True, help="of train, valid and test")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: the source's own keys of `data`")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder of the text files")
    args = parser.parse_args()

    sentences = SOURCES[args.source].open(read_languages(args.languages), args.settings, args.seed)
    progress = Progress(f"{args.source} text", len(args.pairs), "pairs")
    for done, pair in enumerate(args.pairs, start=1):
        with ExitStack() as stack:
            files = {}
            for split in args.splits:
                for language in pair.languages:
                    path = stack.enter_context(replacing(args.output / file_name(split, pair, language)))
                    files[split, language] = stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
            for split, *texts in sentences(pair, args.splits):
                for language, text in zip(pair.languages, texts, strict=True):
                    if "\n" in text:
                        raise UserError(f"{args.source}, {split} of {pair}: a sentence has a line feed in it: {text!r}")
                    files[split, language].write(text + "\n")
        progress.update(done, str(pair))


if __name__ == "__main__":
    run(main)
