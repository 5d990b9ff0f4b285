"""Translations of several directions in one file: what a model says of all of them under the masks of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from workflow_scripts.artifacts import TRANSLATIONS
from workflow_scripts.artifacts_files import Metadata, check_filled, read_table, write_table

CROSSED = pa.schema([("pair", pa.string()), *((column.name, column.type) for column in TRANSLATIONS)])


@dataclass(frozen=True)
class Texts:
    """Hypotheses and references of a direction, in the order of the test set."""

    hypotheses: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


def write_crossed(path: str | Path, rows: Iterable[Mapping[str, Any]], metadata: Metadata) -> None:
    """Write rows as `write_translations` takes them, each with its direction as `pair`."""
    write_table(path, pa.Table.from_pylist([dict(row) for row in rows], schema=CROSSED), metadata)


def read_crossed(path: str | Path) -> dict[str, Texts]:
    """The texts of every direction in a file that `write_crossed` wrote.

    Raises `UserError` where it is missing, damaged, or something else.
    """
    table, _ = read_table(path, CROSSED)
    check_filled(path, table, ("pair", "id", "hypothesis", "reference"))
    found: dict[str, Texts] = {}
    for row in table.sort_by("id").select(["pair", "hypothesis", "reference"]).to_pylist():
        texts = found.setdefault(row["pair"], Texts())
        texts.hypotheses.append(row["hypothesis"])
        texts.references.append(row["reference"])
    return found
