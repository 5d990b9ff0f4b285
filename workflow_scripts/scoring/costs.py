"""What systems cost, as people read it: parameters, updates, time, size, engine."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workflow_scripts.progress import duration
from workflow_scripts.scoring.markdown import table

TITLE = "What systems cost"
HEADER = ("system", "kind", "trained", "of a direction", "updates", "time", "on disk", "engine")
NOTE = (
    "trained: parameters that a system's training moves; of a direction: those that it has beside the model that all "
    "share. Updates and time are those of its own training, after the baseline's. On disk: checkpoint and masks; "
    "where the baseline stays as it is, it is not stored again."
)


def cells(frame: pd.DataFrame) -> list[list[str]]:
    """The rows of `costs.csv` below `HEADER`."""
    return [
        [
            *(row["system"], row["kind"], _count(row["trained_parameters"]), _count(row["parameters_per_direction"])),
            *(_count(row["updates"]), "–" if pd.isna(row["seconds"]) else duration(row["seconds"])),
            *(_size(row["bytes"]), row["engine"]),
        ]
        for row in frame.to_dict("records")
    ]


def markdown(frame: pd.DataFrame) -> str:
    """A section of the summary, but for times: of the same run it is the same everywhere."""
    place = HEADER.index("time")
    header, *rows = ([*row[:place], *row[place + 1 :]] for row in (HEADER, *cells(frame)))
    return f"\n## {TITLE}\n\n{table(header, rows, left=2)}\n\n{NOTE} Times are in `costs.csv`.\n"


def section(frame: pd.DataFrame) -> Mapping[str, object]:
    """The same for the report."""
    return {"title": TITLE, "header": HEADER, "rows": cells(frame), "note": NOTE}


def _count(value: float) -> str:
    return "–" if pd.isna(value) else f"{int(value):,}"


def _size(number: float) -> str:
    """Bytes in kB, MB or GB, three digits or more."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number / 1e3:.1f} kB"
