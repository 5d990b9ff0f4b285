"""Scores of the baseline under other directions' masks: their table, their means, and the figure's matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.artifacts_files import REMEDY
from workflow_scripts.direction import PAPER
from workflow_scripts.errors import UserError
from workflow_scripts.files import read_csv
from workflow_scripts.reporting.overlaps import ARROWS
from workflow_scripts.scoring.names import called

COLUMNS = ("system", "kind", "pair", "masks", "metric", "text", "score", "lines")
"""`pair` is decoded under the masks of direction `masks`; that is empty where there are none."""


def read(path: Path) -> pd.DataFrame:
    """The table at `path`. Raises `UserError` where it is missing or something else."""
    if not path.exists():
        raise UserError(f"{path} does not exist: it is made by `python -m workflow_scripts.steps.crossed_scores`")
    frame = read_csv(path, dtype={"system": str}, na_values=[""], keep_default_na=False)
    if tuple(frame) != COLUMNS:
        raise UserError(f"{path} is of another version of this project: {REMEDY}")
    return frame.assign(masks=frame["masks"].fillna(""))


def last(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last variant of the text."""
    return table[table["text"] == table["text"].iloc[-1]]


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Means over directions, a row per kind, metric and text: `own`, `others` and `none` by whose masks they are.

    `best` counts the directions that no other masks serve as well as their own, of the `compared` ones: those that have
    others. `others` is NaN where a kind has one direction.
    """
    rows = []
    for (kind, metric, text), part in table.groupby(["kind", "metric", "text"], sort=False):
        own, none = part[part["pair"] == part["masks"]], part[part["masks"] == ""]
        others = part.drop(own.index).drop(none.index)
        gain = called(str(metric)).gain
        rivals = others.assign(gain=others["score"].map(gain)).groupby("pair")["gain"].max()
        reached = own.set_index("pair")["score"].map(gain)
        best = int((reached.loc[rivals.index] > rivals).sum())
        scores = {name: found["score"].mean() for name, found in {"own": own, "others": others, "none": none}.items()}
        rows.append({"kind": kind, "metric": metric, "text": text, **scores, "best": best, "compared": len(rivals)})
    return pd.DataFrame(rows)


def said(table: pd.DataFrame, pivot: str) -> Iterator[str]:
    """The means of the last variant of the text for people, a line per kind and metric."""
    for row in means(last(table)).itertuples():
        own, others, none = (called(row.metric).shown(value) for value in (row.own, row.others, row.none))
        yield (
            f"{ARROWS[PAPER[row.kind]].format(pivot=pivot)}, {row.metric}: {own} under own masks, {others} under "
            f"others', {none} without; own ones are best in {row.best} of {row.compared} directions"
        )


def matrix(part: pd.DataFrame) -> tuple[Sequence[str], NDArray[np.float64]]:
    """The directions of one kind, in order, and [n, n]: a direction's (row) score under each one's masks (column),
    less that under none. `part` are the rows of one kind, metric and text.
    """
    unmasked = part[part["masks"] == ""].set_index("pair")["score"]
    pairs = list(unmasked.index)
    scores = part[part["masks"] != ""].pivot(index="pair", columns="masks", values="score").loc[pairs, pairs]
    return pairs, scores.sub(unmasked, axis=0).to_numpy(dtype=np.float64)
