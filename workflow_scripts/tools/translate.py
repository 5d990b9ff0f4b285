"""Translate text with systems of a run: lines in, lines out, in order, as they come.

    python -m workflow_scripts.tools.translate --run demo --system ns --pair en-qa [FILE …] [--output FILE] < in > out
    python -m workflow_scripts.tools.translate --run demo --systems baseline,ns --pair en-qa --format tsv --nbest 3 FILE

Lines (UTF-8, files may be gzipped) are treated as the run's own test text: normalized, cut into pieces, searched with
its engine and settings. Blank lines stay blank. Lines with more pieces than the model takes, or than a translation may
have, are cut at sentence ends, translated in parts and joined; stderr says which. What an engine makes of a model is
kept in results/RUN/export/cache. Formats:

text   the best translation of one system, a line per line
tsv    line, rank, source; per system its translation and `SYSTEM.score`; a row per line and rank, names in the first
jsonl  {"line": 1, "source": "…", "translations": {"ns": [{"text": "…", "score": -0.3}, …]}}

Scores are fairseq's: log-probability per piece; none for blank lines and for lines that were cut, which have their best
translation alone. Ctrl-C ends it with exit code 130, a closed pipe with 141; whatever was translated is written.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from workflow_scripts import errors
from workflow_scripts.command_line import add_options
from workflow_scripts.direction import Direction, joined
from workflow_scripts.engines import ENGINES
from workflow_scripts.errors import UserError

FORMATS = ("text", "tsv", "jsonl")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="text (default: standard input)")
    parser.add_argument("--run", default="demo", help="name of the run (default: %(default)s)")
    parser.add_argument(
        *("--system", "--systems"),
        type=lambda text: list(dict.fromkeys(text.split(","))),
        required=True,
        dest="systems",
        metavar="NAMES",
        help="a system, or several, comma-separated",
    )
    parser.add_argument("--pair", type=Direction.parse, required=True, help="direction, as en-de")
    parser.add_argument("--format", choices=FORMATS, help="default: text for one translation a line, else tsv")
    parser.add_argument("--nbest", type=int, default=1, metavar="N", help="translations of each line, best first")
    parser.add_argument("--engine", choices=list(ENGINES), help="who searches (default: the run's engine)")
    add_options(parser, ENGINES.options())
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 …")
    parser.add_argument("--output", type=Path, help="file to write (default: standard output)")
    args = parser.parse_args()
    if args.nbest < 1:
        raise UserError("--nbest: at least 1")
    several = len(args.systems) > 1 or args.nbest > 1
    args.format = args.format or ("tsv" if several else "text")
    if args.format == "text" and several:
        raise UserError("--format text has one translation a line: choose tsv or jsonl for several systems or --nbest")
    for path in args.files:
        if not path.is_file():
            raise UserError(f"{path} does not exist, or is a folder")
    return args


def engine_of(args: argparse.Namespace, decode: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The engine and its options: what is asked for, else what the run was decoded with (`decode`), else its defaults.

    Raises `UserError` for an option that another engine takes.
    """
    name = args.engine or decode["engine"]
    asked = {option: value for option in ENGINES.options() if (value := getattr(args, option)) is not None}
    if wrong := [option for option in asked if option not in ENGINES[name].options]:
        takers = ENGINES.takers(wrong[0])
        raise UserError(f"engine {name} takes no --{wrong[0].replace('_', '-')}: add --engine {' or '.join(takers)}")
    return name, ENGINES.settings(name, asked if args.engine else {**decode, **asked})


def batches(files: list[Path], sizes: Iterator[int]) -> Iterator[list[str]]:
    """The lines to translate, batch by batch."""
    from workflow_scripts.corpus.incoming import arriving, batched
    from workflow_scripts.corpus.parallel import read_lines

    if files:
        return batched(chain.from_iterable(map(read_lines, files)), sizes)
    if sys.stdin.isatty():
        print("[translate] reading from the keyboard, a line at a time; Ctrl-D ends", file=sys.stderr)
    return arriving(sys.stdin.fileno(), "standard input", sizes)


@contextmanager
def written(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file beside `path` that takes its place in the end and stays where that is not reached."""
    if path is None:
        yield sys.stdout.buffer
        return
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as file:
            yield file
    except BaseException:
        print(f"[translate] what was translated until then is in {part}", file=sys.stderr)
        raise
    part.replace(path)


def translate(args: argparse.Namespace) -> None:
    """Translate all there is. What is needed for it is imported late: mistakes are told before."""
    from workflow_scripts.made_run import MadeRun

    run = MadeRun.read(args.run)
    if not set(args.pair.languages) <= set(run.config["languages"]["codes"]):
        raise UserError(f"{args.pair} is not a direction of run {run.name}; it has {joined(run.directions)}")
    for name in args.systems:
        run.system(name)

    from workflow_scripts.engines.side_by_side import SideBySide

    engine, options = engine_of(args, run.config["decode"])
    systems = SideBySide.load(run, args.systems, args.pair, args.nbest, engine, options, args.device)
    with written(args.output) as file:
        for rows in systems.translate(batches(args.files, SideBySide.sizes()), args.format):
            file.write(rows.encode())
            file.flush()


def main() -> None:
    try:
        translate(parse())
    except KeyboardInterrupt:
        # At once: the search still runs, and would have to be waited for.
        os._exit(130)
    except BrokenPipeError:
        os._exit(141)


if __name__ == "__main__":
    errors.run(main)
