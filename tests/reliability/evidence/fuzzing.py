"""Every parser of ours on what is made at random: by hypothesis from their types, and by a fuzzer from real files."""

from __future__ import annotations

from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.reliability.evidence import Evidence
from tests.reliability.fuzz import Outcome, fuzz, properties
from tests.reliability.parsers import parsers

COLUMNS = ("parser", "from its files", "by hypothesis", "refused", "lines reached", "escaped")
EXECUTIONS, SLOW = 2200, 700
"""Of each parser by the fuzzer, and of each whose reads take milliseconds; a third as many by hypothesis."""


def tried(number: int, scratch: Path, share: float) -> tuple[str, Outcome, Outcome]:
    """What both make of one parser."""
    folder = scratch / str(number)
    parser = parsers(folder / "made")[number]
    executions = max(int(share * (SLOW if parser.slow else EXECUTIONS)), 1)
    found = fuzz(parser, executions, folder / "fuzz", seed=number)
    return parser.name, found, properties(parser, max(executions // 3, 1), folder / "hypothesis")


def gather(scratch: Path, share: float = 1.0) -> Evidence:
    """Try all of them, in two processes; `share` of the executions."""
    numbers = range(len(parsers(scratch / "count")))
    with get_context("spawn").Pool(2) as pool:
        found = []
        for one in pool.imap(partial(tried, scratch=scratch, share=share), numbers):
            found.append(one)
            escaped = "; ".join(one[1].escaped | one[2].escaped) or "nothing escaped"
            print(f"[fuzzing] {one[0]}: {one[1].executions + one[2].executions:,} executions, {escaped}", flush=True)
    rows = []
    for name, fuzzed, drawn in found:
        escaped = fuzzed.escaped | drawn.escaped
        numbers_of = (f"{fuzzed.executions:,}", f"{drawn.executions:,}", f"{fuzzed.refused + drawn.refused:,}")
        rows.append((name, *numbers_of, f"{fuzzed.reached:,}", "; ".join(escaped) or "none"))
    total = sum(each.executions for _, *both in found for each in both)
    failed = sum(len(fuzzed.escaped | drawn.escaped) for _, fuzzed, drawn in found)
    headline = (
        f"{total:,} executions of {len(found)} parsers, coverage-guided and property-based: {failed} exceptions "
        "escaped that are not the project's own."
    )
    return Evidence("Fuzzing", headline, COLUMNS, tuple(rows), failed)
