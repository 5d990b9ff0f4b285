"""Tell the languages of hypotheses, and so how many are in another one than was asked for.

    python -m workflow_scripts.steps.off_target results/run/translations/ns --pairs en-de,de-en --languages en,de,nl \\
        --language-identification own --learned results/run/data/identifier.json --output results/run/scores/ns

Each identifier has options of its own. Reads `{pair}.hyp.txt` and `{pair}.ref.txt`. Writes `{pair}.language.json`: how
many hypotheses are `identified` as each of the languages, the share that is `off_target`, and, so that one sees how far
to trust it, the share of references that are `identified_references`. A direction whose texts and settings have not
changed since is left as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.command_line import add_options
from workflow_scripts.direction import parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import read_json, sha256, write_json
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.identifiers import IDENTIFIERS
from workflow_scripts.scoring.off_target import counted
from workflow_scripts.scoring.texts import read_lines

CODE = ("scoring.identifier", "scoring.off_target", "scoring.texts")
OPENED = [name for name, one in IDENTIFIERS.items() if one.open]


def read_learned(path: Path | None, name: str) -> dict[str, Any]:
    """What `identifier` wrote. Raises `UserError` where it is not there."""
    if path is None or not path.exists():
        raise UserError(f"{path or '--learned'} does not exist: {name} learns from training text (step `identifier`)")
    return read_json(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="TRANSLATIONS", help="translations of one system")
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, separated by commas")
    parser.add_argument("--languages", required=True, help="codes of the run's languages, separated by commas")
    parser.add_argument("--language-identification", choices=OPENED, default=OPENED[0], help="who tells languages")
    parser.add_argument("--learned", type=Path, help="what `identifier` wrote, for one that learns")
    add_options(parser, IDENTIFIERS.options())
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    name, codes = args.language_identification, args.languages.split(",")
    identifier, options = IDENTIFIERS[name], IDENTIFIERS.settings(name, vars(args))
    learned = read_learned(args.learned, name) if identifier.learn else None
    directions = {str(one): one for one in args.pairs}
    texts = {pair: [args.folder / f"{pair}.{role}.txt" for role in ("hyp", "ref")] for pair in directions}
    outputs = {pair: [args.output / f"{pair}.language.json"] for pair in directions}

    def made(pair: str) -> dict[str, Any]:
        hypotheses, references = map(sha256, texts[pair])
        return made_from(
            "off_target",
            IDENTIFIERS.module(name),
            hypotheses=hypotheses,
            references=references,
            languages=codes,
            identifier=name,
            options=options,
            learned=learned["made_from"] if learned else None,
            packages=identifier.versions(),
        )

    todo = outstanding("off_target", outputs, made)
    progress = Progress(f"languages {args.folder.name}", len(directions), "directions", len(directions) - len(todo))
    if todo:
        identify, known = identifier.open(codes, learned and learned["learned"], **options)
    for done, pair in enumerate(todo, start=len(directions) - len(todo) + 1):
        found = counted(*map(read_lines, texts[pair]), directions[pair].target, identify, known)
        write_json(outputs[pair][0], found | {"pair": pair, "identifier": name} | stamp(made(pair)))
        progress.update(done, pair)
    if not todo:
        progress.update(len(directions), "all current")


if __name__ == "__main__":
    run(main)
