"""Claims about methods: differences between means over training seeds, with the spread between seeds beside them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.scoring.tables import TYPES

LEAST = 6
"""Seeds below which no sign flip test is made: 2 / 2^5 cannot be below 0.05."""
KEYS = ["test_set", "metric", "text", "tier"]


def sign_flips(differences: NDArray[np.float64]) -> float:
    """Two-sided p of a mean of paired differences [n], over all 2^n signs: exact, where seeds are few."""
    found = np.abs(_signs(len(differences)) @ differences)
    return float((found >= found[0] - 1e-9 * max(1.0, found[0])).mean())


@cache
def _signs(number: int) -> NDArray[np.float64]:
    """All signs of so many differences, their own first: [2^n, n]."""
    return np.array(list(itertools.product((1.0, -1.0), repeat=number)))


def interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of a mean of paired differences [n] by Student's t."""
    half = stats.t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / len(differences) ** 0.5
    return differences.mean() - half, differences.mean() + half


def table(summary: pd.DataFrame, replicates: Mapping[str, Sequence[str]], against: Sequence[str]) -> pd.DataFrame:
    """A row per contrast of a group of `replicates`, test set, metric, variant, tier and type.

    `summary` is that of `scoring.tables`. A group is compared with every system of `against`: with the group that this
    one is a member of, seed by seed in the order of both lists, where it has one of that many members, else with the
    system alone. `low` and `high` are the paired interval; `p` that of all sign flips, from `LEAST` seeds on. Rows
    whose `kind` is `another seed` say how far members of one group lie apart: the mean of all |differences| of two, and
    the largest as `high`; differences that are no larger say nothing about a method.
    """
    kinds = [kind for kind in (*TYPES, "Avg") if kind in summary]
    rows = []
    for place, block in summary.groupby(KEYS, sort=False):
        means = block.set_index("system")[kinds]
        where = dict(zip(KEYS, place, strict=True))
        for kind in kinds:
            for group, members in replicates.items():
                ours = _seeds(means[kind], members)
                apart = np.abs([one - other for one, other in itertools.combinations(ours, 2)])
                spread = {"kind": "another seed", "against": group, "seeds": len(ours), "difference": apart.mean()}
                rows.append({**where, "type": kind, "group": group, **spread, "high": apart.max()})
                for other in against:
                    if other in members:
                        continue
                    named, paired = next(
                        (
                            (name, list(own))
                            for name, own in replicates.items()
                            if other in own and len(own) == len(members)
                        ),
                        (other, [other] * len(members)),
                    )
                    differences = ours - _seeds(means[kind], paired)
                    low, high = interval(differences)
                    found = {"kind": "contrast", "against": named, "seeds": len(ours), "difference": differences.mean()}
                    p = sign_flips(differences) if len(ours) >= LEAST else np.nan
                    rows.append({**where, "type": kind, "group": group, **found, "low": low, "high": high, "p": p})
    columns = [*KEYS, "type", "group", "kind", "against", "seeds", "difference", "low", "high", "p"]
    found = pd.DataFrame(rows, columns=columns)
    return found[found["difference"].notna()].reset_index(drop=True)


def _seeds(means: pd.Series, systems: Sequence[str]) -> NDArray[np.float64]:
    return means.reindex(list(systems)).to_numpy(dtype=np.float64)
