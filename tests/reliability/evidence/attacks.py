"""Attacks by what a run reads, each with what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.reliability import hostile
from tests.reliability.attacks import Attack, all_attacks
from tests.reliability.evidence import Evidence

LONGEST = 200
"""Characters of a refusal that are told."""


def gather(scratch: Path) -> Evidence:
    """Try every attack, and a run whose every string is one."""
    whole = Attack("a run of existing translations", "every path, name and sentence", hostile_run)
    return tried([*all_attacks(), whole], scratch)


def hostile_run(folder: Path) -> str | None:
    """The run in a folder that has no other file."""
    place = folder / "run"
    place.mkdir()
    return hostile.scored(place)


def tried(attacks: Iterable[Attack], scratch: Path) -> Evidence:
    """Try these, each in a folder of its own. What is neither refused in a line nor harmless has failed."""
    rows, failed = [], 0
    for number, attack in enumerate(attacks):
        outcome = attack.outcome(scratch / str(number))
        failed += not outcome.startswith(("refused: ", "harmless: "))
        told = outcome if len(outcome) <= LONGEST else f"{outcome[: LONGEST - 1]}…"
        rows.append((attack.group, attack.name, told))
    refused = sum(row[2].startswith("refused") for row in rows)
    headline = (
        f"{len(rows)} attacks: {failed} succeed, {refused} are refused, {len(rows) - failed - refused} do nothing"
    )
    return Evidence("Attacks", headline, ("by", "attack", "what came of it"), tuple(rows), failed)
