"""A study of 200 directions × 12 layers × 4,096 neurons, and a text of a million lines."""

from __future__ import annotations

from pathlib import Path

from tests.reliability.evidence import Evidence
from tests.reliability.load import Measured, study, text

SECONDS, MEGABYTES, OVERLAP = 60.0, 1000.0, 20.0
"""Most CPU seconds and memory of a command of a study; most seconds of the overlap."""
FEW, MANY = 250_000, 1_000_000
STEEP = 1.5
"""Times by which a line may cost more in the long text than in the short one."""
COLUMNS = ("command", "size", "wall s", "CPU s", "MiB", "outcome")


def outcome(one: Measured) -> str:
    """`within`, or what is too much. Seconds are of the CPU: those of the clock depend on who else is there."""
    if one.code:
        return f"failed with {one.code}"
    slow = one.cpu > (OVERLAP if one.name == "overlap" else SECONDS)
    return "too slow" if slow else "too large" if one.megabytes > MEGABYTES else "within"


def gather(scratch: Path) -> Evidence:
    """Run every command once."""
    rows = [row(one, "200 directions", outcome(one)) for one in study(scratch / "study")]
    short = {one.name: one for one in text(scratch / "short", FEW)}
    for one in text(scratch / "long", MANY):
        rows.append(row(short[one.name], f"{FEW:,} lines", "failed" if short[one.name].code else "within"))
        rows.append(row(one, f"{MANY:,} lines", growth(short[one.name], one)))
    failed = sum(not last[-1].startswith("within") for last in rows)
    headline = (
        f"{len(rows)} commands: each of a study of 200 directions × 12 layers × 4,096 neurons within {SECONDS:.0f} s "
        f"and {MEGABYTES:.0f} MB (overlap: {OVERLAP:.0f} s); each step of the data stage linear up to {MANY:,} lines, "
        f"within {MEGABYTES:.0f} MB. {failed} beyond."
    )
    return Evidence("Load", headline, COLUMNS, tuple(rows), failed)


def growth(short: Measured, long: Measured) -> str:
    """How the time of a line in the long text is to that in the short one, and what is too much."""
    steep = long.cpu / short.cpu / (MANY / FEW)
    if long.code or steep > STEEP or long.megabytes > MEGABYTES:
        return f"failed with {long.code}" if long.code else f"{steep:.2f} × as long a line, {long.megabytes:.0f} MiB"
    return f"within: {steep:.2f} × as long a line"


def row(one: Measured, size: str, said: str) -> tuple[str, ...]:
    """A row of the table."""
    return one.name, size, f"{one.wall:.1f}", f"{one.cpu:.1f}", f"{one.megabytes:.0f}", said
