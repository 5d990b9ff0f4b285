"""Check parallel text before anything long starts.

    python -m workflow_scripts.steps.check_text --folder FOLDER --pairs en-de,en-fr --splits train,valid \\
        --output checked.json

reads `FOLDER/{split}.{a}-{b}.{language}[.gz]` (either order of the pair; a test set may lie in other layouts, see
`corpus.test_sets`) and writes the number of lines of each pair and split. Refuses missing files, unequal line counts,
empty sides, wrong encodings, and, where no line may be dropped (all but train), empty lines and control characters.
Warns of what is hardly meant: sides that are the same or exchanged, and hardly any text. `--scripts` are those of the
languages, `{"en": "Latin", "ru": "Cyrillic"}`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts.corpus.check import check_text, find_text
from workflow_scripts.corpus.doubts import doubts, seen
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import write_json

CODE = ("corpus.check", "corpus.doubts", "corpus.normalize", "corpus.parallel", "corpus.test_sets")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, help="folder with the text")
    parser.add_argument("--pairs", type=parse_all, required=True)
    parser.add_argument("--splits", type=lambda text: text.split(","), required=True, help="train,valid or test")
    parser.add_argument("--scripts", type=json.loads, default={}, help="JSON: the script of each language")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()

    if not args.folder:
        raise UserError("text is not set: name the folder with the text (--config text=FOLDER)")
    lines = check_text(Path(args.folder), args.pairs, args.splits)
    texts = find_text(Path(args.folder), args.pairs, args.splits)
    found = {place: seen(paths, Direction.parse(place[0])) for place, paths in texts.items()}
    for doubt in doubts(found, args.scripts):
        print(f"[check] WARNING: {doubt}", flush=True)
    write_json(args.output, lines)
    total = {split: sum(counts[split] for counts in lines.values()) for split in args.splits}
    sizes = ", ".join(f"{count:,} {split}" for split, count in total.items())
    print(f"[check] {len(lines)} pairs: {sizes} lines")


if __name__ == "__main__":
    run(main)
