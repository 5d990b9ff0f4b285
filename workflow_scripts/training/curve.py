"""The curves of a training, from the rows its process appends to the table people read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from workflow_scripts.files import replacing

COLUMNS = ("update", "split", "loss", "nll_loss", "lr", "gnorm", "updates_per_second", "tokens_per_second", "seconds")
NAMES = {"ups": "updates_per_second", "wps": "tokens_per_second", "train_wall": "seconds"}


def write_curve(rows: Path, table: Path) -> None:
    """Turn rows of JSON (one per logged interval or validation) into CSV, in order of updates.

    After an interruption some updates were made twice; the later row stands.
    """
    latest = {}
    for line in rows.read_text(encoding="utf-8").splitlines():
        row = {NAMES.get(key, key): value for key, value in json.loads(line).items()}
        latest[row["update"], row["split"]] = row
    with replacing(table) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(latest[key] for key in sorted(latest))
