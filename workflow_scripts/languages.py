"""The language table: code, name, family, script, tier, and perhaps tag, one row per language."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

from workflow_scripts.direction import CODE, Direction
from workflow_scripts.errors import UserError
from workflow_scripts.spreadsheets import check_cells


@dataclass(frozen=True)
class Language:
    """One row of a language table; `tier` is empty for the pivot.

    `tag` is what a pretrained model calls the language (`deu_Latn`); where it is empty, its code.
    """

    code: str
    name: str
    family: str
    script: str
    tier: str
    tag: str = ""


COLUMNS = [field.name for field in fields(Language) if field.default is MISSING]
MORE = [field.name for field in fields(Language) if field.default is not MISSING]
"""Columns that a table may lack."""


def read_languages(path: str | Path) -> dict[str, Language]:
    """Read a tab-separated language table into `{code: Language}`, in the table's order.

    Raises `UserError` when the file or a column is missing, it is not UTF-8, a row is short, a code stands twice or has
    other characters than letters, digits and `_`: it stands in file names and commands; or a cell is a formula.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"language table {path} does not exist: set languages.table to a file like config/languages/")
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), delimiter="\t")
    if reader.fieldnames not in (COLUMNS, COLUMNS + MORE):
        more = ", ".join(MORE)
        raise UserError(f"{path}, line 1: the columns must be {', '.join(COLUMNS)} (tab-separated), and perhaps {more}")
    table: dict[str, Language] = {}
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        if None in row or None in row.values():
            raise UserError(f"{where}: {len(reader.fieldnames)} tab-separated columns are needed")
        if not CODE.fullmatch(row["code"]):
            raise UserError(f"{where}: language code {row['code']!r} may have letters, digits and _ only; change it")
        if row["code"] in table:
            raise UserError(f"{where}: language {row['code']} stands twice")
        check_cells(where, row)
        table[row["code"]] = Language(**row)
    return table


def tier(direction: Direction, pivot: str, languages: Mapping[str, Language]) -> str:
    """The tier of the language that is not the pivot, capitalised; empty where there is none, or two languages."""
    other = direction.other(pivot)
    return languages[other].tier.capitalize() if other in languages else ""


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path}, line {line}: not UTF-8 ({error.reason}); convert the table, for example with "
            "iconv -f ENCODING -t UTF-8"
        ) from None
