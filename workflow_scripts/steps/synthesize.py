"""Write the synthetic corpus: English and invented languages, for every pair of a language table.

    python -m workflow_scripts.steps.synthesize --languages config/languages/synthetic.tsv --pairs en-qa en-xa \\
        --seed 1 --sizes '{"train": {"high": 3000, "medium": 1000, "low": 300}, "valid": 120, "test": 120}'\\
        --output FOLDER

writes `FOLDER/{train,valid,test}.{a}-{b}.{language}`. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path

from workflow_scripts.corpus.parallel import SPLITS
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import replacing
from workflow_scripts.languages import read_languages
from workflow_scripts.progress import Progress
from workflow_scripts.synthetic.invented import make_languages
from workflow_scripts.synthetic.sentences import sentence_pairs

PIVOT = "en"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", type=Path, required=True, help="language table")
    parser.add_argument("--pairs", nargs="+", required=True, help="pairs to write, English first")
    parser.add_argument("--sizes", type=json.loads, required=True, help="JSON: lines of train per tier, valid, test")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder of the text files")
    args = parser.parse_args()

    table = read_languages(args.languages)
    invented = make_languages([language for code, language in table.items() if code != PIVOT], args.seed)
    progress = Progress("synthetic corpus", len(args.pairs), "pairs")
    for done, pair in enumerate(args.pairs, start=1):
        pivot, _, code = pair.partition("-")
        if pivot != PIVOT or code not in invented:
            raise UserError(f"pair {pair}: the synthetic corpus has pairs of en with {', '.join(invented)}")
        tier = table[code].tier
        if tier not in args.sizes["train"]:
            raise UserError(f"language {code}: data.synthetic.train gives no size for its tier {tier!r}")
        sizes = {"train": args.sizes["train"][tier], "valid": args.sizes["valid"], "test": args.sizes["test"]}
        with ExitStack() as stack:
            files = {}
            for split in SPLITS:
                for language in (pivot, code):
                    path = stack.enter_context(replacing(args.output / f"{split}.{pair}.{language}"))
                    files[split, language] = stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
            for split, english, translation in sentence_pairs(invented[code], sizes, f"{args.seed}/{pair}"):
                files[split, pivot].write(english + "\n")
                files[split, code].write(translation + "\n")
        progress.update(done, pair)


if __name__ == "__main__":
    run(main)
