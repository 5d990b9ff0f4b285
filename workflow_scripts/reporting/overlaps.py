"""The tables of one analysis of overlap as files: what `overlap` writes, and figures and report read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_scripts.artifacts_files import REMEDY
from workflow_scripts.errors import UserError
from workflow_scripts.files import read_csv, replacing

SIDES = {"encoder": "M2O", "decoder": "O2M"}
"""Where a component sees different languages: the encoder in X→en, the decoder in en→X (as in the paper)."""
ARROWS = {"O2M": "{pivot}→X", "M2O": "X→{pivot}", "X2Y": "X→Y"}
"""What a type of directions is called in words."""
MEAN = "all"
"""What stands for the mean over layers where a table counts layers."""
NAMES = ("overlap", "families", "sparsity", "shared")
"""Tables that figures are drawn from."""

GROUPS = ("all", "family", "language", "some", "none")
"""Who keeps a neuron (`neurons.overlap.groups`)."""
ADDED = {"overlap": ("corrected", "kept"), "families": ("corrected_within", "kept_p", "halves")}
"""Columns that tables of earlier versions lack."""


@dataclass(frozen=True)
class Tables:
    """Tables of `reporting.analysis`, each with the columns `selection` and `neurons` in front."""

    overlap: pd.DataFrame
    families: pd.DataFrame
    sparsity: pd.DataFrame
    shared: pd.DataFrame

    @property
    def selection(self) -> str:
        """Name of the system, or of the threshold."""
        return str(self.sparsity["selection"].iloc[0])

    @property
    def neurons(self) -> str:
        """What was selected, in words."""
        return str(self.sparsity["neurons"].iloc[0])

    def side(self, component: str) -> pd.DataFrame:
        """Rows of `overlap` of a component, on the side where it sees different languages."""
        return self.overlap[(self.overlap["component"] == component) & (self.overlap["type"] == SIDES[component])]

    def means(self) -> pd.DataFrame:
        """Rows of `families`, mean over layers, on the side of each component where languages differ."""
        return overall(self.families)


def overall(families: pd.DataFrame) -> pd.DataFrame:
    """Rows of `families` that are the mean over layers, on the side of each component where languages differ."""
    return families[(families["layer"] == MEAN) & (families["type"] == families["component"].map(SIDES))]


def write(folder: Path, selection: str, neurons: str, /, **tables: pd.DataFrame) -> Tables:
    """Write the tables in `NAMES` and others, and return the former as they are read."""
    named = {}
    for name in tables:
        named[name] = tables[name].copy()
        named[name].insert(0, "selection", selection)
        named[name].insert(1, "neurons", neurons)
        with replacing(folder / f"{name}.csv") as temporary:
            named[name].to_csv(temporary, index=False, float_format="%.6g")
    return Tables(**{name: named[name] for name in NAMES})


def read(folder: Path) -> Tables:
    """What `write` wrote. Raises `UserError` where a table is missing, empty or of another version."""
    tables = Tables(**{name: read_table(folder / f"{name}.csv") for name in NAMES})
    if tables.sparsity.empty:
        raise UserError(f"{folder / 'sparsity.csv'} has no rows: the selection has no neurons")
    return tables


def read_table(path: Path) -> pd.DataFrame:
    """One of the tables. Raises `UserError` where it is missing or of another version."""
    if not path.exists():
        raise UserError(f"{path} does not exist: `python -m workflow_scripts.steps.overlap` makes it")
    texts = {"layer": str, "note": str} if path.stem == "families" else {"name": str}
    frame = read_csv(path, dtype=texts, na_values=[""], keep_default_na=False)
    wanted = {"selection", *ADDED.get(path.stem, ())}
    if not wanted <= set(frame):
        raise UserError(f"{path} is of another version of this project: {REMEDY}")
    return frame.assign(**{name: frame[name].fillna("") for name in ("note", "name") if name in frame})


def shown(value: float, digits: int) -> str:
    """A number for people; `not defined` where there is none."""
    return "not defined" if pd.isna(value) else f"{value:.{digits}f}"
