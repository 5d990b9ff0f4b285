"""Clean the text of one pair: normalize every line, filter the training lines.

    python -m workflow_scripts.steps.clean --folder TEXT --pair en-de --pairs en-de,en-fr --output FOLDER \\
        --settings '{"punctuation": false, "min_words": 1, "max_words": 256, "max_ratio": 3.0, "held_out": ["valid"]}'

writes `FOLDER/{train,valid}.{a}-{b}.{language}` and `FOLDER/{a}-{b}.json` with what each filter kept. Lines of valid
are normalized, never dropped. A training pair goes when one of its sides stands in a split `held_out` of any of
`--pairs` (compared by letters and digits alone). Memory: about 100 bytes per kept training line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.corpus import doubts, filters, parallel, test_sets
from workflow_scripts.corpus.normalize import Normalizer
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import replacing, write_json
from workflow_scripts.progress import Progress

CODE = ("corpus.doubts", "corpus.filters", "corpus.normalize", "corpus.parallel", "corpus.test_sets")


def held_out(folder: Path, pairs: list[Direction], splits: list[str], language: str, normalize: Normalizer) -> set[int]:
    """The fingerprints of all sentences of `language` in `splits` over all pairs."""
    found: set[int] = set()
    for pair in pairs:
        if language in pair.languages:
            for split in splits:
                find = parallel.find if split in parallel.SPLITS else test_sets.find
                path = find(folder, split, pair)[pair.languages.index(language)]
                found |= filters.held_out_set(normalize(line) for line in parallel.read_lines(path))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="folder with the text")
    parser.add_argument("--pair", type=Direction.parse, required=True, help="the pair to clean")
    parser.add_argument("--pairs", type=parse_all, required=True, help="all pairs, whose text is held out")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: the section data.clean")
    parser.add_argument("--output", type=Path, required=True, help="folder of the cleaned text")
    args = parser.parse_args()

    languages, settings = args.pair.languages, args.settings
    normalizers = [Normalizer(language, settings["punctuation"]) for language in languages]
    held = [
        held_out(args.folder, args.pairs, settings["held_out"], language, normalize)
        for language, normalize in zip(languages, normalizers, strict=True)
    ]
    limits = filters.Limits(settings["min_words"], settings["max_words"], settings["max_ratio"])
    train = filters.TrainingFilter(limits, (held[0], held[1]))
    table: dict[str, list] = {}
    for split in parallel.SPLITS:
        paths = parallel.find(args.folder, split, args.pair)
        total = sum(1 for _ in parallel.read_lines(paths[0]))
        progress = Progress(f"clean {args.pair} {split}", total, "lines")

        def normalized(paths: tuple[Path, Path] = paths, progress: Progress = progress) -> Iterator[tuple[str, str]]:
            sides = zip(*map(parallel.read_lines, paths), strict=True)
            for number, (first, second) in enumerate(sides, start=1):
                yield normalizers[0](first), normalizers[1](second)
                progress.update(number)

        pairs, kept = (train(normalized()) if split == "train" else normalized()), 0
        names = [args.output / parallel.file_name(split, args.pair, language) for language in languages]
        with replacing(names[0]) as one, replacing(names[1]) as two:
            with one.open("w", encoding="utf-8", newline="\n") as first, two.open("w", encoding="utf-8") as second:
                for kept, (left, right) in enumerate(pairs, start=1):  # noqa: B007
                    first.write(left + "\n")
                    second.write(right + "\n")
            if not kept:
                raise UserError(
                    f"pair {args.pair}: no {split} line is left of {total:,} ({paths[0]}, {paths[1]}); dropped: "
                    f"{train.dropped}; get other text or loosen data.clean"
                )
        for doubt in doubts.of_skipped(str(args.pair), train.dropped, total) if split == "train" else ():
            print(f"[clean] WARNING: {doubt}", flush=True)
        table[split] = train.table(total) if split == "train" else [{"filter": "none", "before": total, "kept": kept}]
    write_json(args.output / f"{args.pair}.json", {"pair": str(args.pair), "splits": table, "settings": settings})


if __name__ == "__main__":
    run(main)
