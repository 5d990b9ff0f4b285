"""What every system costs: trained parameters, updates, time, size on disk, and which engine decodes it.

    python -m workflow_scripts.steps.costs --output results/demo/tables/costs.csv \
        --systems '{"ns": {"checkpoint": "results/demo/systems/ns/checkpoint.pt", "engine": "fairseq", …}}'

A row per system with a model. `trained_parameters` are those that its training moves, `parameters_per_direction` those
that a direction has beside the model that all share; `updates` and `seconds` (of the processes that train, by their own
clock) are those of its training alone, on top of the baseline's; `bytes` those of its checkpoint and masks. A system
that decodes with the baseline's weights as they are has nothing of this, but for the masks.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.errors import run
from workflow_scripts.files import replacing

CODE = ("formats.peek", "formats.sizes", "layers.own_names", "training.curve", "training.course")
COLUMNS = (
    "system",
    "kind",
    "trained_parameters",
    "parameters_per_direction",
    "updates",
    "seconds",
    "bytes",
    "engine",
)


def row(name: str, system: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a system: its `kind`, `engine`, `masks` (files), its `checkpoint` and `curve` (None: not its own)."""
    from workflow_scripts.formats.sizes import sizes
    from workflow_scripts.training.curve import read_seconds

    found = {"system": name, "kind": system["kind"], "engine": system["engine"]}
    files = sum(Path(path).stat().st_size for path in system["masks"])
    if not system["checkpoint"]:
        none = dict.fromkeys(("trained_parameters", "parameters_per_direction", "updates", "seconds"), 0)
        return found | none | {"bytes": files}
    own = sizes(Path(system["checkpoint"]))
    seconds = read_seconds(Path(system["curve"])) if system["curve"] else None
    return found | {
        "trained_parameters": own.parameters if system["curve"] else None,
        "parameters_per_direction": own.own,
        "updates": own.updates if system["curve"] else None,
        "seconds": None if seconds is None else round(seconds, 1),
        "bytes": own.bytes + files,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=json.loads, required=True, help="JSON: what there is of each system")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    args = parser.parse_args()
    rows = [row(name, system) for name, system in args.systems.items()]
    with replacing(args.output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    run(main)
