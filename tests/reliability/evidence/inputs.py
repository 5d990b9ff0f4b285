"""Malformed inputs, each with what it got: when it was refused, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.reliability.bad import BEFORE, CONFIGURATION, READING, Bad
from tests.reliability.evidence import Evidence
from tests.reliability.inputs import INPUTS

EARLY = (CONFIGURATION, BEFORE, READING)
"""When a malformed input may be refused: as early as anyone can know of it."""


def gather(scratch: Path) -> Evidence:
    """Try every malformed input."""
    return tried(INPUTS, scratch)


def tried(inputs: Sequence[Bad], scratch: Path) -> Evidence:
    """Try these, each in a folder of its own. What is not refused, in its words and early, has failed."""
    rows, late = [], 0
    for number, bad in enumerate(inputs):
        folder = scratch / str(number)
        folder.mkdir(parents=True)
        outcome = bad.outcome(folder)
        late += outcome == "refused" and bad.when not in EARLY
        got = f"refused {bad.when}: “… {bad.says} …”" if outcome == "refused" else outcome.replace(str(folder), "…")
        rows.append((bad.group, bad.name, " ".join(got.split())))
    kinds = {"accepted silently": "accepted", "ended in a traceback": "traceback", "refused in other words": "in other"}
    counts = {name: sum(row[2].startswith(start) for row in rows) for name, start in kinds.items()}
    counts["refused after training"] = late
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    headline = f"{len(rows)} malformed inputs in {len({row[0] for row in rows})} groups: {said}"
    return Evidence("Malformed inputs", headline, ("kind", "input", "what it got"), tuple(rows), sum(counts.values()))
