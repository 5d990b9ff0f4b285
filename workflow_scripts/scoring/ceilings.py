"""What the run's own cleaning puts out of reach, beside the scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import as_written, read_json
from workflow_scripts.scoring.names import called
from workflow_scripts.scoring.tables import below

PLACE = ["test_set", "system", "pair", "metric", "text"]


def read(folder: Path, rows: Mapping[str, Mapping[str, Iterable[Direction]]]) -> Iterable[dict[str, Any]]:
    """`PLACE`, `ceiling` and `out_of_reach` of directions by test set and system; `folder` has what `ceiling` wrote.

    `ceiling` is the score of references after the run's own cleaning, `out_of_reach` how much better the raw ones are:
    above 0 also where less is better. Raises `UserError` where a file is missing, or of another direction.
    """
    for test_set, systems in rows.items():
        known: dict[Direction, list[dict[str, Any]]] = {}
        for system, directions in systems.items():
            for direction in directions:
                if direction not in known:
                    known[direction] = _results(below(folder, test_set) / f"{direction}.json", direction)
                place = {"test_set": test_set, "system": system, "pair": str(direction)}
                yield from (place | entry for entry in known[direction])


def added(frame: pd.DataFrame, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """`frame` (`scoring.tables.directions`) with the columns `ceiling` and `out_of_reach` of `rows` at its end."""
    found = pd.DataFrame(rows, columns=[*PLACE, "ceiling", "out_of_reach"])
    return frame.merge(found, how="left", on=PLACE)


def _results(path: Path, direction: Direction) -> list[dict[str, Any]]:
    if not path.exists():
        raise UserError(f"{path} does not exist: make the ceiling of {direction} first")
    found = []
    with as_written(path):
        content = read_json(path)
        if content.get("pair") != str(direction):
            raise UserError(f"{path} is of {content.get('pair')}: remove it, and make it again")
        for entry in content["results"]:
            metric = called(entry["name"])
            lost = metric.gain(entry["best"] - entry["score"])
            place = {"metric": metric.name, "text": entry["text"]}
            found.append(place | {"ceiling": entry["score"], "out_of_reach": lost})
    return found
