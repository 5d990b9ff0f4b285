"""Off-target rates beside the scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import as_written, read_json
from workflow_scripts.scoring.tables import below

PLACE = ["test_set", "system", "pair"]
COLUMNS = ["off_target", "identified_references"]


def read(folder: Path, rows: Mapping[str, Mapping[str, Iterable[Direction]]]) -> Iterable[dict[str, Any]]:
    """`PLACE` and `COLUMNS` of directions by test set and system; `folder` has what `off_target` wrote, by system.

    Raises `UserError` where a file is missing, or of another direction.
    """
    for test_set, systems in rows.items():
        for system, directions in systems.items():
            for direction in directions:
                path = below(folder / system, test_set) / f"{direction}.language.json"
                if not path.exists():
                    raise UserError(f"{path} does not exist: identify the languages of {system} {direction} first")
                place = {"test_set": test_set, "system": system, "pair": str(direction)}
                with as_written(path):
                    content = read_json(path)
                    if content.get("pair") != str(direction):
                        raise UserError(f"{path} is of {content.get('pair')}: remove it, and make it again")
                    place |= {name: content[name] for name in COLUMNS}
                yield place


def added(frame: pd.DataFrame, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """`frame` (`scoring.tables.directions`) with `COLUMNS` of `rows` at its end, the same for every metric."""
    return frame.merge(pd.DataFrame(rows, columns=[*PLACE, *COLUMNS]), how="left", on=PLACE)
