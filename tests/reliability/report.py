"""RELIABILITY.md: what kills, faults, malformed inputs, attacks, load and fuzzing came to, proved anew.

    python -m tests.reliability.report                       # all parts: `make reliability`
    python -m tests.reliability.report --only load fuzzing   # these; the others stay as they are in the document

The parts are the modules of `tests/reliability/evidence`. The exit code is 0 only where nothing failed, in what is kept
of the document as well.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from tests.conftest import ROOT
from tests.reliability.evidence import Evidence
from workflow_scripts.files import code_version, write_text

DOCUMENT = ROOT / "tests/RELIABILITY.md"
LISTS = ROOT / "tests/reliability/results"
ORDER = ("kills", "inputs", "failures", "attacks", "load", "fuzzing")
"""The order of the parts; others follow."""
SHOWN = 60
"""Rows of a table that is shown as it is; longer ones are counted, and lie beside the document."""
INTRODUCTION = """What is killed, broken, malformed, hostile or large, and what became of it. Made by `make
reliability`, part by part; each says when, by which commit, and on what machine.
"""
SECTION = re.compile(r"<!-- part (\w+), (\d+) failed -->\n(.*?)<!-- end -->\n", re.DOTALL)


def parts() -> list[str]:
    """The modules that there are."""
    found = {path.stem for path in (Path(__file__).parent / "evidence").glob("*.py")} - {"__init__"}
    return sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def gathered(part: str, scratch: Path) -> Evidence:
    """What a part proves; one that ends in an exception has failed."""
    try:
        return importlib.import_module(f"tests.reliability.evidence.{part}").gather(scratch)
    except Exception as error:
        said = f"It did not end: {type(error).__name__}: {error}".partition("\n")[0]
        return Evidence(part.capitalize(), said, (), (), 1)


def machine() -> str:
    """Where it was measured."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def cell(text: str) -> str:
    """A cell of a Markdown table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;").strip()


def table(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> list[str]:
    """A Markdown table; none where there is nothing in it."""
    if not rows:
        return []
    lines = [columns, ("---",) * len(columns), *rows]
    return ["", *(f"| {' | '.join(map(cell, row))} |" for row in lines)]


def section(part: str, evidence: Evidence, when: str, lists: Path = LISTS) -> str:
    """A part of the document; a long table is written to `lists` as a whole."""
    head = f"<!-- part {part}, {evidence.failed} failed -->\n## {evidence.title}\n"
    lines = [head, evidence.headline, f"\n*{when}.*"]
    if len(evidence.rows) <= SHOWN:
        lines += table(evidence.columns, evidence.rows)
    else:
        kept = ["\t".join(re.sub(r"\s+", " ", value) for value in row) for row in (evidence.columns, *evidence.rows)]
        write_text(lists / f"{part}.tsv", "\n".join(kept) + "\n")
        lines += folded(evidence)
        lines.append(
            f"\nAll {len(evidence.rows):,} rows: [reliability/results/{part}.tsv](reliability/results/{part}.tsv)"
        )
    return "\n".join(lines) + "\n<!-- end -->\n"


def folded(evidence: Evidence) -> list[str]:
    """How often each value stands in the columns that have few."""
    lines = []
    for name, values in zip(evidence.columns, zip(*evidence.rows, strict=True), strict=True):
        counts = Counter(values)
        if len(counts) <= 12:
            lines += table((name, "number"), tuple((value, f"{count:,}") for value, count in counts.most_common()))
    return lines


def document(sections: dict[str, tuple[int, str]]) -> str:
    """The whole document from its parts."""
    names = [*(name for name in parts() if name in sections), *sorted(set(sections) - set(parts()))]
    failed = {name: sections[name][0] for name in names}
    lines = [
        "# Reliability\n",
        INTRODUCTION,
        "| part | failed |\n|---|---:|",
        *(f"| {name} | {failed[name]:,} |" for name in names),
        f"| all | {sum(failed.values()):,} |\n",
    ]
    return "\n".join(lines) + "\n" + "\n".join(sections[name][1] for name in names)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=parts(), default=parts(), help="parts to prove anew")
    parser.add_argument("--output", type=Path, default=DOCUMENT, help="the document (%(default)s)")
    args = parser.parse_args()
    before = args.output.read_text(encoding="utf-8") if args.output.exists() else ""
    sections = {
        name: (int(failed), f"<!-- part {name}, {failed} failed -->\n{rest}<!-- end -->\n")
        for name, failed, rest in SECTION.findall(before)
    }
    for part in args.only:
        start = time.monotonic()
        print(f"[{part}] begins", flush=True)
        with tempfile.TemporaryDirectory(prefix=f"reliability-{part}-") as scratch:
            evidence = gathered(part, Path(scratch))
        took = time.monotonic() - start
        when = f"{time.strftime('%Y-%m-%d', time.gmtime())}, {code_version()}, {machine()}; it took {took / 60:.1f} min"
        sections[part] = evidence.failed, section(part, evidence, when, args.output.parent / "reliability/results")
        # At once: a part takes minutes, and the next may be stopped.
        write_text(args.output, document(sections))
        print(f"[{part}] {evidence.headline} · {evidence.failed} failed", flush=True)
    return int(any(failed for failed, _ in sections.values()))


if __name__ == "__main__":
    sys.exit(main())
