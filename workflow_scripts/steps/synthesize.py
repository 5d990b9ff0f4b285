"""Write the synthetic corpus: English and invented languages, for every pair of a language table.

    python -m workflow_scripts.steps.synthesize --languages config/languages/synthetic.tsv --pairs en-qa,en-xa \\
        --seed 1 --sizes '{"train": {"high": 3000, "medium": 1000, "low": 300}, "valid": 120}' --output FOLDER

writes `FOLDER/{train,valid}.{a}-{b}.{language}`, and `FOLDER/test.{a}-{b}.{language}` where `--sizes` has `test`: the
splits that it names. The same arguments give the same bytes, and what one split holds does not depend on the others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from workflow_scripts.corpus.parallel import file_name
from workflow_scripts.direction import parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import replacing
from workflow_scripts.languages import Language, read_languages
from workflow_scripts.progress import Progress
from workflow_scripts.synthetic.invented import make_languages
from workflow_scripts.synthetic.sentences import sentence_pairs

CODE = (
    "corpus.parallel",
    "corpus.vocabulary",
    "synthetic.english",
    "synthetic.invented",
    "synthetic.meaning",
    "synthetic.sentences",
)
PIVOT = "en"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pairs", type=parse_all, required=True, help="pairs to write, English first")
    parser.add_argument("--sizes", type=json.loads, required=True, help="JSON: lines by split, of train by tier")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder of the text files")
    args = parser.parse_args()

    table = read_languages(args.languages)
    invented = make_languages([language for code, language in table.items() if code != PIVOT], args.seed)
    progress = Progress("synthetic corpus", len(args.pairs), "pairs")
    for done, pair in enumerate(args.pairs, start=1):
        if pair.source != PIVOT or pair.target not in invented:
            raise UserError(f"pair {pair}: the synthetic corpus has pairs of en with {', '.join(invented)}")
        sizes = sizes_of(args.sizes, table[pair.target])
        with ExitStack() as stack:
            files = {}
            for split in sizes:
                for language in pair.languages:
                    path = stack.enter_context(replacing(args.output / file_name(split, pair, language)))
                    files[split, language] = stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
            for split, english, translation in sentence_pairs(invented[pair.target], sizes, f"{args.seed}/{pair}"):
                files[split, pair.source].write(english + "\n")
                files[split, pair.target].write(translation + "\n")
        progress.update(done, str(pair))


def sizes_of(sizes: Mapping[str, Any], language: Language) -> dict[str, int]:
    """The lines of each split of a language. Raises `UserError` where training text has no size for its tier."""
    train = sizes.get("train", {language.tier: 0})
    if language.tier not in train:
        raise UserError(f"language {language.code}: data.synthetic.train gives no size for its tier {language.tier!r}")
    return {split: train[language.tier] if split == "train" else lines for split, lines in sizes.items()}


if __name__ == "__main__":
    run(main)
