"""The language table: code, name, family, script, tier, one row per language."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from pathlib import Path

from workflow_scripts.errors import UserError


@dataclass(frozen=True)
class Language:
    """One row of a language table; `tier` is empty for the pivot."""

    code: str
    name: str
    family: str
    script: str
    tier: str


COLUMNS = [field.name for field in fields(Language)]


def read_languages(path: str | Path) -> dict[str, Language]:
    """Read a tab-separated language table into `{code: Language}`, in the table's order.

    Raises `UserError` when the file or a column is missing, a row is short, or a code stands twice.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"language table {path} does not exist: set languages.table to a file like config/languages/")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t")
        if reader.fieldnames != COLUMNS:
            raise UserError(f"{path}, line 1: the columns must be {', '.join(COLUMNS)} (tab-separated)")
        table: dict[str, Language] = {}
        for row in reader:
            if None in row or None in row.values():
                raise UserError(f"{path}, line {reader.line_num}: {len(COLUMNS)} tab-separated columns are needed")
            if row["code"] in table:
                raise UserError(f"{path}, line {reader.line_num}: language {row['code']} stands twice")
            table[row["code"]] = Language(**row)
    return table
