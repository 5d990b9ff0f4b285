"""The curves of a training, from the rows its process appends to the table people read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from workflow_scripts.files import json_lines, replacing
from workflow_scripts.training.course import Validation

COLUMNS = ("update", "split", "loss", "nll_loss", "lr", "gnorm", "updates_per_second", "tokens_per_second", "seconds")
NAMES = {"ups": "updates_per_second", "wps": "tokens_per_second"}


def write_curve(logged: Path, table: Path, update: int, validations: Sequence[Validation]) -> None:
    """Turn rows of JSON (one per logged interval or validation) into CSV, in order of updates.

    After an interruption some updates were made twice; the later row stands. Rows after the last `update`, and
    validations that are none of the training's, belong to another course; one that is missing has its loss alone.
    """
    latest = {(number, "valid"): {"update": number, "split": "valid", "loss": loss} for number, loss in validations}
    for row in json_lines(logged):
        number, split = row.get("update"), str(row.get("split"))
        key = (number, split) if isinstance(number, int) else (0, "")
        if key in latest or (split == "train" and 0 < key[0] <= update):
            latest[key] = {NAMES.get(name, name): value for name, value in row.items() if _is_shown(value)}
    with replacing(table) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(latest[key] for key in sorted(latest))


def _is_shown(value: object) -> bool:
    """A number, or what a split is called."""
    return isinstance(value, (int, float)) or value in ("train", "valid")


def read_validations(table: Path) -> list[Validation]:
    """The validations in a table that `write_curve` wrote; none where there is no such table."""
    try:
        with table.open(encoding="utf-8", newline="") as file:
            return [(int(row["update"]), float(row["loss"])) for row in csv.DictReader(file) if row["split"] == "valid"]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return []


def read_seconds(table: Path) -> float | None:
    """The seconds of a training, validations and starts included, by a table that `write_curve` wrote; None where it
    does not know them all.
    """
    with table.open(encoding="utf-8", newline="") as file:
        found = [row["seconds"] for row in csv.DictReader(file)]
    return sum(map(float, found)) if found and all(found) else None
