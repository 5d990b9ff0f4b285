"""Published scores to set beside a run's: a CSV with the columns system, pair, metric, score. Read without pandas."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.scoring.names import called
from workflow_scripts.spreadsheets import check_cells

COLUMNS = ["system", "pair", "metric", "score"]


def read(path: str | Path) -> list[dict[str, Any]]:
    """Its rows `{system, pair, metric, score}`, scores as numbers.

    Raises `UserError` naming the line that is short, names no direction or no metric, has a score that is no finite
    number, or says again what another line says.
    """
    path = Path(path)
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
        if (columns := list(reader.fieldnames or [])) != COLUMNS:
            raise UserError(f"{path}, line 1: the columns must be {', '.join(COLUMNS)}, and are {', '.join(columns)}")
        rows: dict[tuple[str, ...], dict[str, Any]] = {}
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            check_cells(where, {"system": row["system"] or ""})
            key = tuple(_checked(row, where)[name] for name in COLUMNS[:3])
            if key in rows:
                raise UserError(f"{where}: a score of {', '.join(key)} stands there twice")
            rows[key] = row | {"score": float(row["score"])}
    except OSError as error:
        raise UserError(f"score.published: {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV table in UTF-8 ({error})") from None
    if not rows:
        raise UserError(f"{path} has no scores")
    return list(rows.values())


def _checked(row: dict[str, Any], where: str) -> dict[str, Any]:
    if None in row or None in row.values() or not row["system"]:
        raise UserError(f"{where}: {', '.join(COLUMNS)} are needed, separated by commas")
    try:
        Direction.parse(row["pair"])
        called(row["metric"])
        if not math.isfinite(float(row["score"])):
            raise ValueError
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except ValueError:
        raise UserError(f"{where}: the score {row['score']!r} is no finite number") from None
    return row
