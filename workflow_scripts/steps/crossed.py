"""Decode the first lines of a test set with the baseline under the masks of other directions.

    python -m workflow_scripts.steps.crossed --system ns --data results/demo/data/manifest.json \
        --test-set results/demo/data/tests/test/manifest.json --checkpoint results/demo/baseline/checkpoint.pt \
        --masks results/demo/masks/ns.parquet --pairs en-ka,en-de,ka-en,de-en --donors en-ka,en-de --lines 200 \
        --output results/demo/crossed/ns

Writes DONOR.parquet for every donor: translations of all directions of its kind (out of the pivot, into it, without it)
under its masks. Without --masks and --donors it writes `unmasked.parquet`: those of all directions under no masks. What
is current already is left as it is.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path
from typing import Any

from workflow_scripts import errors
from workflow_scripts.artifacts_crossed import write_crossed
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.cluster.gpus import claim
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.engines.decoding import Decoding, add_decoding
from workflow_scripts.files import code_version
from workflow_scripts.paths import UNMASKED
from workflow_scripts.progress import Progress
from workflow_scripts.systems.lent import lent
from workflow_scripts.systems.variant import Variant, add_system_options, variant_of

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "corpus.prepared_set",
    "corpus.symbols",
    "engines.decoding",
    "engines.engine",
    "engines.hypothesis",
    "engines.opening",
    "engines.search",
    "engines.system_model",
    "fairseq_plugin.compat",
    "fairseq_plugin.datasets",
    "fairseq_plugin.model",
    "fairseq_plugin.prepared_text",
    "fairseq_plugin.shards",
    "formats.architecture",
    "formats.checkpoint",
    "formats.fairseq_settings",
    "formats.peek",
    "systems.kind",
    "systems.lent",
    "systems.variant",
)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="name of the system whose masks they are")
    add_decoding(parser)
    add_system_options(parser)
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions to decode, comma-separated")
    parser.add_argument("--donors", type=parse_all, default=[], help="directions whose masks are lent, comma-separated")
    parser.add_argument("--pivot", default="en", help="the language in the middle")
    parser.add_argument("--lines", type=int, default=200, help="lines of each direction that are decoded")
    parser.add_argument("--output", type=Path, required=True, help="folder of the files")
    args = parser.parse_args()
    if bool(args.masks) != bool(args.donors):
        parser.error("--masks and --donors go together")
    return args


def main() -> None:
    args = parse()
    if args.device == "auto":
        claim(1)
    decoding, owner = Decoding.of(args), variant_of(args)
    # By the name of the file: who is decoded, and as which variant.
    jobs: dict[str, tuple[list[Direction], Variant]] = {} if args.donors else {UNMASKED: (args.pairs, owner)}
    for donor in args.donors:
        alike = [pair for pair in args.pairs if pair.kind(args.pivot) == donor.kind(args.pivot)]
        jobs[str(donor)] = alike, lent(owner, donor, alike)

    def made(name: str) -> dict[str, Any]:
        pairs, variant = jobs[name]
        texts = {str(pair): decoding.test_set.made_of(pair) for pair in pairs}
        own = {"lines": args.lines, "texts": texts, **decoding.made_from(variant)}
        return made_from("crossed", decoding.module, variant.module, **own)

    files = {name: args.output / f"{name}.parquet" for name in jobs}
    todo = outstanding("crossed", {name: [path] for name, path in files.items()}, made)
    progress = Progress(f"crossed {args.system}", len(jobs), "donors", done=len(jobs) - len(todo))
    if todo:
        # Imported late: torch takes seconds, and --help and wrong arguments should not.
        from workflow_scripts.fairseq_plugin.prepared_text import PreparedText, TextReader

        longest = decoding.model(args.system, owner).architecture.max_source
        read = TextReader(decoding.manifest, decoding.test_set, longest)

        @cache
        def text(pair: Direction) -> PreparedText:
            return read(pair).first(args.lines)

        def translated(name: str) -> list[dict[str, Any]]:
            # A model at a time: it is gone when this returns.
            pairs, variant = jobs[name]
            engine = decoding.opened(decoding.model(args.system, variant))
            rows = []
            for pair in pairs:
                found = engine.nbest(text(pair).pieces, pair, 1)
                rows += [{"pair": str(pair), **row} for row in text(pair).rows([best for best, *_ in found])]
            return rows

    for number, name in enumerate(todo, start=len(jobs) - len(todo) + 1):
        metadata = {"system": args.system, "test_set": decoding.test_set.name, "code_version": code_version()}
        write_crossed(files[name], translated(name), metadata | stamp(made(name)))
        progress.update(number, name)
    if not todo:
        progress.update(len(jobs), "all current")


if __name__ == "__main__":
    errors.run(main)
