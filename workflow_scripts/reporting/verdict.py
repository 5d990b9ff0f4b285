"""What the tests say, in words: better, worse or not told apart, by how much, how surely, in how many directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.scoring.markdown import number, percent, probability
from workflow_scripts.scoring.names import called

WORDS = {"win": "better than", "loss": "worse than", "tie": "not told apart from", "": "beside"}
MINUS = "−"
Place = Mapping[str, str]


def verdicts(means: pd.DataFrame, wins: pd.DataFrame, against: Sequence[str]) -> list[dict[str, Any]]:
    """An entry per tested system: its `system`, and a clause (`clauses`) for every system it is compared with.

    Means over all languages of the primary metric on the default test set, in the last variant of the text, decide; a
    clause has what `_clause` says. Empty where nothing was tested.
    """
    if means.empty:
        return []
    rows = means[(means["primary"]) & (means["test_set"] == DEFAULT_SET) & (means["tier"] == "All")]
    if rows.empty:
        return []
    rows = _overall(rows[rows["text"] == rows["text"].iloc[-1]])
    # Of two systems that others are compared with, the later one is told beside the earlier, not the other way as well.
    mirrored = {(one, other) for place, one in enumerate(against) for other in against[place:]}
    found = []
    for system, own in rows.groupby("system", sort=False):
        others = [other for other in against if (system, other) not in mirrored and (own["against"] == other).any()]
        if others:
            clauses = [_clause(own[own["against"] == other], wins) for other in others]
            found.append({"system": system, "clauses": clauses})
    return found


def _clause(tests: pd.DataFrame, wins: pd.DataFrame) -> dict[str, str]:
    """`words` and `against`, `amount` with its metric, `interval`, `p`, `people` (of 100; `–` where not known) and,
    where directions were tested, `directions`; `outcome` as tables have it.
    """
    first = tests[["difference", "low", "high", "p_holm"]].astype(float).bfill().iloc[0]
    place = tests.iloc[0]
    outcome = "".join(tests["outcome"].fillna(""))
    metric = place["metric"]
    amount = _amount(first["difference"], metric, told=outcome in ("win", "loss"))
    ends = [number(first[end], metric, signed=True).replace("-", MINUS) for end in ("low", "high")]
    return {
        "outcome": outcome,
        "words": WORDS[outcome],
        "against": place["against"],
        "amount": f"{amount} {metric}",
        "interval": "" if first[["low", "high"]].isna().any() else f"{ends[0]} … {ends[1]}",
        "p": "" if pd.isna(first["p_holm"]) else probability(first["p_holm"]),
        "people": percent(place["people"]),
        "directions": _directions(place, wins),
    }


def _amount(difference: float, metric: str, told: bool) -> str:
    """A difference, without its sign where better or worse has `told` it; of one that rounds to nothing a bound."""
    if not told:
        return number(difference, metric, signed=True).replace("-", MINUS)
    least = 10.0 ** -called(metric).digits
    small = float(f"{abs(difference):.{called(metric).digits}f}") == 0
    return f"less than {number(least, metric)}" if small else number(abs(difference), metric)


def _directions(place: Place, wins: pd.DataFrame) -> str:
    """In how many directions a system is better and worse; nothing where they were not tested."""
    if wins.empty:
        return ""
    keys = ("test_set", "metric", "text", "system", "against")
    found = wins[(wins[list(keys)] == [place[key] for key in keys]).all(axis=1)]
    if found.empty:
        return ""
    row = found.iloc[0]
    total = row["wins"] + row["ties"] + row["losses"]
    return f"better in {row['wins']}, worse in {row['losses']} of {total} directions"


def _overall(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the mean of both sides where there are both, else of the one side."""
    kinds = list(rows["type"].unique())
    return rows[rows["type"] == ("Avg" if "Avg" in kinds else kinds[-1])]


def claims(seeds: pd.DataFrame, metric: str) -> list[dict[str, str]]:
    """What training seeds say of methods by that metric, over all languages of the default test set."""
    if seeds.empty:
        return []
    chosen = (seeds["kind"] == "contrast") & (seeds["test_set"] == DEFAULT_SET) & (seeds["tier"] == "All")
    rows = seeds[chosen & (seeds["metric"] == metric)]
    if rows.empty:
        return []
    return [
        {
            "group": row.group,
            "against": row.against,
            "seeds": str(row.seeds),
            "amount": f"{number(row.difference, metric, signed=True).replace('-', MINUS)} {metric}",
            "interval": " … ".join(number(end, metric, signed=True).replace("-", MINUS) for end in (row.low, row.high)),
            "p": "" if pd.isna(row.p) else probability(row.p),
        }
        for row in _overall(rows).drop_duplicates(["group", "against"], keep="last").itertuples()
    ]
