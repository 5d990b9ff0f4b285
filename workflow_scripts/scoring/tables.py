"""The tables of a run: every direction's scores, and their means by tier and direction type."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.errors import UserError
from workflow_scripts.languages import Language

METRICS = ("BLEU", "chrF++", "spBLEU", "COMET")
NAMES = {"chrF2++": "chrF++"}
"""What the paper calls a metric, where sacrebleu has another name."""
TYPES = ("O2M", "M2O", "X2Y")
"""Direction types: out of the pivot, into it, and without it."""
KEYS = ["metric", "text", "system"]


def read_scores(folder: Path, system: str, pairs: Iterable[str]) -> Iterable[dict[str, Any]]:
    """Rows `{system, pair, metric, text, score, signature, unknown_references}` of one system's score files.

    `{pair}.comet.json` is read where it exists beside `{pair}.json`.
    """
    for pair in pairs:
        paths = [folder / f"{pair}.json", folder / f"{pair}.comet.json"]
        if not paths[0].exists():
            raise UserError(f"{paths[0]} does not exist: score {system} {pair} first")
        for path in paths:
            for entry in json.loads(path.read_text(encoding="utf-8")) if path.exists() else []:
                yield {
                    "system": system,
                    "pair": pair,
                    "metric": NAMES.get(entry["name"], entry["name"]),
                    "text": entry["text"],
                    "score": entry["score"],
                    "signature": entry["signature"],
                    "unknown_references": len(entry.get("unknown_references", [])),
                }


def direction_type(pair: str, pivot: str) -> str:
    """`O2M` for en-X, `M2O` for X-en, `X2Y` for a direction without the pivot."""
    source, target = pair.split("-")
    return "O2M" if source == pivot else "M2O" if target == pivot else "X2Y"


def tier(pair: str, pivot: str, languages: Mapping[str, Language]) -> str:
    """The tier of the language that is not the pivot, capitalised; empty where there is none, or two languages."""
    others = [code for code in pair.split("-") if code != pivot]
    return languages[others[0]].tier.capitalize() if len(others) == 1 and others[0] in languages else ""


def directions(rows: Iterable[Mapping[str, Any]], published: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per system, pair, metric and reading, in the order given.

    `published` (columns system, pair, metric, score) is set beside the scores of the same system, pair and metric, in
    the reading `published`, as column `published`.
    """
    frame = pd.DataFrame(rows)
    orders = {name: list(frame[name].unique()) for name in ("system", "pair", "text")}
    frame = _sorted(
        frame, {"system": orders["system"], "pair": orders["pair"], "metric": METRICS, "text": orders["text"]}
    )
    if published is not None:
        known = published.rename(columns={"score": "published"}).assign(text="published")
        frame = frame.merge(known, how="left", on=["system", "pair", "metric", "text"])
    return frame.reset_index(drop=True)


def summary(
    frame: pd.DataFrame,
    languages: Mapping[str, Language],
    pivot: str,
    against: str | None = None,
    replicates: Mapping[str, list[str]] | None = None,
) -> pd.DataFrame:
    """Plain means over languages: one row per metric, reading, system and tier.

    Columns: O2M, M2O, X2Y (where there are such directions) and Avg = (O2M + M2O) / 2, each also as `_difference` (to
    system `against`, over the directions both have) and `_sd` (standard deviation over training seeds). `replicates`
    names groups of systems that differ in their seed alone; a group is a further system, the mean of its members.
    """
    frame = frame.assign(
        type=[direction_type(pair, pivot) for pair in frame["pair"]],
        tier=[tier(pair, pivot, languages) for pair in frame["pair"]],
    )
    if against in set(frame["system"]):
        base = frame[frame["system"] == against].set_index(["metric", "text", "pair"])["score"]
        index = pd.MultiIndex.from_frame(frame[["metric", "text", "pair"]])
        frame["difference"] = (frame["score"] - base.reindex(index).to_numpy()).where(frame["system"] != against)
    else:
        frame["difference"] = float("nan")
    tiers = [*dict.fromkeys(language.tier.capitalize() for language in languages.values()), "All"]
    blocks = [
        _means(frame if name == "All" else frame[frame["tier"] == name]).assign(tier=name)
        for name in tiers
        if name and (name == "All" or (frame["tier"] == name).any())
    ]
    table = pd.concat(blocks).reset_index()
    for group, members in (replicates or {}).items():
        table = pd.concat([table, _over_seeds(table, group, members)])
    systems = [*dict.fromkeys(frame["system"]), *(replicates or {})]
    texts = list(frame["text"].unique())
    table = _sorted(table, {"metric": METRICS, "text": texts, "system": systems, "tier": tiers})
    values = [column for column in table.columns if column not in (*KEYS, "tier")]
    return table[[*KEYS, "tier", *values]].reset_index(drop=True)


def _means(frame: pd.DataFrame) -> pd.DataFrame:
    """Means per metric, reading and system (index), by direction type (columns)."""
    kinds = [kind for kind in TYPES if kind != "X2Y" or (frame["type"] == "X2Y").any()]
    columns = {}
    for value, suffix in (("score", ""), ("difference", "_difference")):
        means = frame.pivot_table(index=KEYS, columns="type", values=value, aggfunc="mean", dropna=False)
        means = means.reindex(columns=kinds)
        for kind in kinds:
            columns[f"{kind}{suffix}"] = means[kind]
        columns[f"Avg{suffix}"] = (means["O2M"] + means["M2O"]) / 2
    table = pd.DataFrame(columns)
    table["directions"] = frame.groupby(KEYS)["pair"].nunique()
    return table


def _over_seeds(table: pd.DataFrame, group: str, members: list[str]) -> pd.DataFrame:
    """A further system `group`: mean and standard deviation (n - 1) of the members' means."""
    rows = table[table["system"].isin(members)]
    groups = rows.drop(columns="system").groupby(["metric", "text", "tier"])
    mean, spread = groups.mean(), groups.std()
    kinds = [kind for kind in (*TYPES, "Avg") if kind in mean]
    return mean.assign(system=group, **{f"{kind}_sd": spread[kind] for kind in kinds}).reset_index()


def readings(frame: pd.DataFrame) -> pd.DataFrame:
    """What repairing the text changes: published and repaired score of each system, pair and metric, where both are."""
    table = frame.pivot_table(
        index=["system", "pair", "metric", "unknown_references"], columns="text", values="score", sort=False
    )
    if not {"published", "repaired"} <= set(table.columns):
        return pd.DataFrame(columns=["system", "pair", "metric", "unknown_references", "published", "repaired"])
    table = table[["published", "repaired"]].reset_index().rename_axis(columns=None)
    return table.assign(difference=table["repaired"] - table["published"])


def _sorted(frame: pd.DataFrame, orders: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """`frame` sorted by the columns named, each in the order given; names that an order lacks come last."""
    ranks = {column: {name: rank for rank, name in enumerate(order)} for column, order in orders.items()}
    return frame.sort_values(
        list(orders), key=lambda column: column.map(ranks[column.name]), kind="stable", ignore_index=True
    )
