"""Learn to tell the run's languages from its training text.

    python -m workflow_scripts.steps.identifier --data results/demo/data/manifest.json \\
        --language-identification own --identification-lines 5000 --output results/demo/data/identifier.json

Writes what is `learned`: for `own`, how often each character n-gram stands in the text of each language, of which a
classifier is made when it is needed. Each identifier has options of its own. A file that is current already is left as
it is.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.command_line import add_options
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.errors import run
from workflow_scripts.files import write_json
from workflow_scripts.scoring.identifiers import IDENTIFIERS

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "engines.hypothesis",
    "fairseq_plugin.compat",
    "fairseq_plugin.datasets",
    "fairseq_plugin.model",
    "fairseq_plugin.shards",
    "fairseq_plugin.training_text",
    "formats.checkpoint",
    "formats.peek",
)
LEARNING = [name for name, one in IDENTIFIERS.items() if one.learn]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--language-identification", choices=LEARNING, default=LEARNING[0], help="who learns")
    add_options(parser, IDENTIFIERS.options(LEARNING))
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    args = parser.parse_args()
    manifest, name = read_manifest(args.data), args.language_identification
    identifier, options = IDENTIFIERS[name], IDENTIFIERS.settings(name, vars(args))
    made = made_from(
        "identifier",
        IDENTIFIERS.module(name),
        text=manifest.content["splits"]["train"],
        **manifest.vocabulary,
        identifier=name,
        options=options,
        packages=identifier.versions(),
    )
    if not outstanding("identifier", {"": [args.output]}, made):
        print("[identifier] current")
        return
    from workflow_scripts.fairseq_plugin.training_text import sample

    write_json(args.output, {"learned": identifier.learn(partial(sample, manifest), **options)} | stamp(made))
    print(f"[identifier] learned: {args.output}")


if __name__ == "__main__":
    run(main)
