"""Write a system's model, ready to be used without this project.

    python -m workflow_scripts.tools.export --system ns --pair en-ka [--run demo] [--output DIR] [--compute-type int8]
    python -m workflow_scripts.tools.export --system ns --pair en-ka --format transformers
    python -m workflow_scripts.tools.export --system ns --format transformers

The small model of one direction, by default as a folder results/RUN/export/SYSTEM/PAIR with `ctranslate2/` (a
CTranslate2 model), `fairseq/` (a plain fairseq checkpoint with its dictionaries), the tokenizer and a README. With
`--format transformers` a folder for `transformers` (`from_pretrained`) with a model card; without `--pair` it holds the
whole model, the neuron sets of all directions and the lines that apply them. Paths are those of the run unless given.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts import errors
from workflow_scripts.artifacts import Masks
from workflow_scripts.artifacts_files import read_metadata
from workflow_scripts.command_line import add_options
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.corpus.symbols import read_symbols
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version
from workflow_scripts.formats import FORMATS
from workflow_scripts.formats.format import Exported
from workflow_scripts.layers.own_names import owners_of
from workflow_scripts.made_run import MadeRun
from workflow_scripts.paths import DEFAULT_SET, Paths
from workflow_scripts.systems.variant import Variant, add_system_options, variant_of

if TYPE_CHECKING:
    from workflow_scripts.formats.architecture import Architecture
    from workflow_scripts.formats.folded import Kept

DEFAULT = ["ctranslate2", "fairseq"]
SEARCH = {"beam": 5, "length_penalty": 1.0, "max_length": 200}


def written() -> list[str]:
    """The formats that are written."""
    return [name for name in FORMATS if FORMATS[name].write]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="name of the system")
    parser.add_argument("--pair", type=Direction.parse, help="direction, as en-de; the whole model without it")
    parser.add_argument("--run", default="demo", help="name of the run (default: %(default)s)")
    parser.add_argument("--format", choices=written(), help=f"default: {' and '.join(DEFAULT)}")
    parser.add_argument("--data", type=Path, help="data/manifest.json")
    parser.add_argument("--checkpoint", type=Path)
    add_system_options(parser)
    add_options(parser, FORMATS.options())
    parser.add_argument("--output", type=Path, help="folder to write")
    args = parser.parse_args()
    args.formats = [args.format] if args.format else DEFAULT
    if not args.pair and not all(FORMATS[name].whole for name in args.formats):
        whole = [name for name in written() if FORMATS[name].whole]
        raise UserError(f"--pair is needed: a whole model is written by --format {' or '.join(whole)} alone")
    run = Path(Paths(args.run).results)
    args.data = args.data or run / "data/manifest.json"
    args.checkpoint, args.variant = chosen(args)
    alone = [name for name in args.formats if FORMATS[name].alone]
    export = run / "export" / args.system / "".join(alone)
    args.output = args.output or export / str(args.pair or "all")
    return args


def chosen(args: argparse.Namespace) -> tuple[Path, Variant]:
    """Checkpoint and variant of the system: those given, else the run's, as its configuration says or its files."""
    paths = Paths(args.run)
    given = bool(args.kind or args.masks or args.settings)
    if not args.checkpoint and not given and Path(paths.record).exists():
        return MadeRun.read(args.run).system(args.system)
    own, masks = Path(paths.checkpoint(args.system)), Path(paths.masks(args.system))
    if not args.checkpoint and not own.exists() and not masks.exists() and args.system != "baseline":
        raise UserError(f"{paths.results} has no system {args.system}: neither {own} nor {masks} exists; run it first")
    if masks.exists() and not args.checkpoint and not given:
        args.masks = masks
    return args.checkpoint or (own if own.exists() else Path(paths.baseline)), variant_of(args)


def directions_of(args: argparse.Namespace, manifest: Manifest, masks: Masks | None) -> list[Direction]:
    """The directions that the model is exported for."""
    if args.pair:
        return [args.pair]
    if masks:
        return [Direction.parse(pair) for pair in dict.fromkeys(row.pair for row in masks.rows)]
    return [one for pair in manifest.pairs for one in (pair, pair.reverse)]


def search_of(args: argparse.Namespace, directions: list[Direction]) -> dict[str, Any]:
    """The beam search that the run's own translations were made with, else the pipeline's defaults."""
    for pair in directions:
        known = read_metadata(Paths(args.run).translation(args.system, DEFAULT_SET, pair)[0])
        if SEARCH.keys() <= known.keys():
            return {name: known[name] for name in SEARCH}
    return SEARCH


def scores_of(args: argparse.Namespace, directions: list[Direction]) -> list[dict[str, Any]]:
    """What the run has scored of the system, on all its test sets."""
    from workflow_scripts.scoring.metrics import METRICS
    from workflow_scripts.scoring.tables import read_scores

    paths, rows = Paths(args.run), []
    folder = Path(paths.scores(args.system))
    further = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    for test_set in (DEFAULT_SET, *further):
        for pair in directions:
            files = {
                key: Path(paths.score(args.system, test_set, pair, metric.ends(key))[0])
                for key, metric in METRICS.items()
            }
            scored = [key for key, path in files.items() if path.exists()]
            rows += read_scores(folder.parent, test_set, args.system, [pair], scored)
    return rows


def settings_of(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The options of each format that is written. Raises `UserError` for one that none of them takes."""
    for option in FORMATS.options():
        takers = FORMATS.takers(option)
        if getattr(args, option) is not None and not set(takers) & set(args.formats):
            raise UserError(f"--{option.replace('_', '-')} belongs to --format {' or '.join(takers)}")
    return {name: FORMATS.settings(name, vars(args)) for name in args.formats}


def check(name: str, architecture: Architecture) -> None:
    """Raise `UserError` for a model that a format cannot hold."""
    if reasons := ", ".join(FORMATS[name].refuses(architecture)):
        others = [other for other in written() if not list(FORMATS[other].refuses(architecture))]
        raise UserError(f"format {name} cannot hold this model ({reasons}); --format {' or '.join(others)} can")


def write(folder: Path, exported: Exported, kept: Kept, options: dict[str, dict[str, Any]]) -> None:
    """Write a model in each of some formats, and the README, into the empty `folder`."""
    from workflow_scripts.formats.folded import folded_model
    from workflow_scripts.formats.readme import readme

    sections = []
    for name, settings in options.items():
        form, small = FORMATS[name], exported
        if exported.pair:
            small = replace(exported, model=folded_model(exported.model, kept, form.widths == "layer"))
        place = folder if form.alone else folder / name
        place.mkdir(exist_ok=True)
        sections.append(form.write(place, small, **settings))
    if any(FORMATS[name].alone for name in options):
        (text,) = sections
    else:
        text = readme(small, sections)
        if exported.manifest.sentencepiece:
            shutil.copyfile(exported.manifest.sentencepiece, folder / "sentencepiece.model")
    (folder / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    args = parse()
    options = settings_of(args)
    manifest = read_manifest(args.data)
    if args.pair and not set(args.pair.languages) <= set(manifest.languages):
        raise UserError(f"--pair {args.pair}: the languages of this run are {', '.join(manifest.languages)}")
    masks = args.variant.masks

    from workflow_scripts.formats import checkpoint as checkpoints
    from workflow_scripts.formats.fairseq_content import named

    loaded = checkpoints.read_checkpoint(args.checkpoint)
    symbols = read_symbols(manifest.dictionary, manifest.languages)
    checkpoints.refuse_other_vocabulary(loaded, manifest.languages, len(symbols), manifest.dictionary)
    args.variant.refuse_other(loaded)
    kept = None
    if args.pair:
        state, kept = args.variant.fold(loaded.state, str(args.pair))
        loaded = replace(loaded, state=state)
    elif owners_of(loaded.state):
        raise UserError(f"system {args.system} has parameters for each direction: --pair is needed, for one of them")
    model, directions = named(loaded), directions_of(args, manifest, masks)
    for name in options:
        check(name, model.architecture)
    exported = Exported(
        system=args.system,
        model=model,
        symbols=symbols,
        manifest=manifest,
        pair=args.pair,
        rows=masks.rows if masks else None,
        checkpoint=checkpoints.identity(args.checkpoint),
        version=code_version(),
        search=search_of(args, directions),
        directions=directions,
        scores=scores_of(args, directions),
    )
    folder = args.output.with_name(f".{args.output.name}.tmp")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write(folder, exported, kept or {}, options)
    shutil.rmtree(args.output, ignore_errors=True)
    folder.replace(args.output)
    print(f"{args.pair or 'all directions'} of {args.system}: {args.output}")


if __name__ == "__main__":
    errors.run(main)
