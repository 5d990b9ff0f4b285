"""The tables of a run: every direction's scores, and their means by tier and direction type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.artifacts_files import REMEDY
from workflow_scripts.direction import PAPER, Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import as_written, number, read_csv, read_json
from workflow_scripts.languages import Language, tier
from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import called, names

TYPES = tuple(PAPER.values())
KEYS = ["metric", "text", "system"]
PLACE = ["test_set", "system", "pair", "metric", "text"]
"""What tells one score from another."""


def read(path: Path) -> pd.DataFrame:
    """One of the tables. Raises `UserError` where it is missing or of another version."""
    if not path.exists():
        raise UserError(f"{path} does not exist: it is made by `python -m workflow_scripts.steps.tables`")
    # Languages, systems and test sets may be called what pandas takes for a missing value.
    frame = read_csv(path, na_values=[""], keep_default_na=False)
    if "test_set" not in frame:
        raise UserError(f"{path} is of another version of this project: {REMEDY}")
    return frame


def below(folder: Path, test_set: str) -> Path:
    """Where files of a test set lie in a system's folder: those of further ones a folder deeper."""
    return folder if test_set == DEFAULT_SET else folder / test_set


def read_scores(
    folder: Path, test_set: str, system: str, directions: Iterable[Direction], metrics: Iterable[str]
) -> Iterable[dict[str, Any]]:
    """Rows `{test_set, system, pair, metric, text, score, signature, …}` of one system's score files on a test set.

    `folder` has a folder per system. The files of these `metrics` are read, and no others. Raises `UserError` where a
    file is missing, or has a score of a metric that is not known.
    """
    ends = list(dict.fromkeys(METRICS[key].ends(key)[0] for key in metrics))
    for direction in directions:
        own = below(folder / system, test_set)
        for path in [own / f"{direction}.{end}" for end in ends]:
            if not path.exists():
                raise UserError(f"{path} does not exist: score {system} {direction} first")
            place = {"test_set": test_set, "system": system, "pair": str(direction)}
            with as_written(path):
                yield from [place | _of_entry(entry) for entry in read_json(path)]


def _of_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says of one score."""
    return {
        "metric": called(entry["name"]).name,
        "text": entry["text"],
        "score": number(entry["score"]),
        "signature": entry["signature"],
        "length_ratio": entry.get("length_ratio"),
        "unknown_references": len(entry.get("unknown_references", [])),
        "brevity_penalty": entry.get("brevity_penalty"),
    }


def directions(rows: Iterable[Mapping[str, Any]], published: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per test set, system, pair, metric and variant, in the order given.

    `published` (columns system, pair, metric, score) is set beside the scores of the same system, pair and metric on
    the default test set, in the variant `published`, as column `published`. Raises `UserError` for a metric there that
    is not known.
    """
    frame = pd.DataFrame(rows)
    orders = {name: list(frame[name].unique()) for name in ("test_set", "system", "pair", "text")}
    frame = _sorted(frame, {name: names() if name == "metric" else orders[name] for name in PLACE})
    if published is not None:
        for metric in published["metric"].unique():
            called(metric)
        known = published.rename(columns={"score": "published"}).assign(text="published", test_set=DEFAULT_SET)
        frame = frame.merge(known, how="left", on=PLACE)
    return frame.reset_index(drop=True)


def summary(
    frame: pd.DataFrame,
    languages: Mapping[str, Language],
    pivot: str,
    against: str | Sequence[str] | None = None,
    replicates: Mapping[str, list[str]] | None = None,
) -> pd.DataFrame:
    """Plain means over languages: one row per test set, metric, variant, system and tier.

    Columns: O2M, M2O, X2Y (where there are such directions) and Avg = (O2M + M2O) / 2, each also as `_difference` (to
    system `against`, over the directions both have; to others that it lists as `_difference_to_dense`) and `_sd`
    (standard deviation over training seeds). `replicates` names groups of systems that differ in their seed alone; a
    group is a further system, the mean of its members.
    """
    parts = []
    for test_set, rows in frame.groupby("test_set", sort=False):
        part = _summary(rows.drop(columns="test_set"), languages, pivot, differences_to(against), replicates or {})
        part.insert(0, "test_set", test_set)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    kinds = [kind for kind in (*TYPES, "Avg") if kind in table]
    ends = ("", *differences_to(against).values(), "_sd")
    values = list(dict.fromkeys(f"{kind}{end}" for end in ends for kind in kinds if f"{kind}{end}" in table))
    return table[["test_set", *KEYS, "tier", *values, "directions"]]


def differences_to(against: str | Sequence[str] | None) -> dict[str | None, str]:
    """How columns of differences end, by the system that they refer to; the first of `against` has the short name.

    Without a system to compare with there are columns, too, and nothing in them.
    """
    listed = [against] if isinstance(against, str) else list(against or []) or [None]
    return {name: f"_difference_to_{name}" if place else "_difference" for place, name in enumerate(listed)}


def _summary(
    frame: pd.DataFrame,
    languages: Mapping[str, Language],
    pivot: str,
    against: Mapping[str | None, str],
    replicates: Mapping[str, list[str]],
) -> pd.DataFrame:
    """The summary of one test set."""
    pairs = [Direction.parse(pair) for pair in frame["pair"]]
    frame = frame.assign(
        type=[pair.type(pivot) for pair in pairs], tier=[tier(pair, pivot, languages) for pair in pairs]
    )
    index = pd.MultiIndex.from_frame(frame[["metric", "text", "pair"]])
    for other, end in against.items():
        base = frame[frame["system"] == other].set_index(["metric", "text", "pair"])["score"]
        frame[end] = (frame["score"] - base.reindex(index).to_numpy()).where(frame["system"] != other)
    tiers = [*dict.fromkeys(language.tier.capitalize() for language in languages.values()), "All"]
    blocks = [
        _means(frame if name == "All" else frame[frame["tier"] == name], against.values()).assign(tier=name)
        for name in tiers
        if name and (name == "All" or (frame["tier"] == name).any())
    ]
    table = pd.concat(blocks).reset_index()
    for group, members in replicates.items():
        table = pd.concat([table, _over_seeds(table, group, members)])
    systems = [*dict.fromkeys(frame["system"]), *replicates]
    texts = list(frame["text"].unique())
    return _sorted(table, {"metric": names(), "text": texts, "system": systems, "tier": tiers})


def _means(frame: pd.DataFrame, differences: Iterable[str]) -> pd.DataFrame:
    """Means per metric, variant and system (index), by direction type (columns); of scores and of `differences`."""
    kinds = [kind for kind in TYPES if kind != "X2Y" or (frame["type"] == "X2Y").any()]
    columns = {}
    for value, suffix in (("score", ""), *zip(differences, differences, strict=True)):
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


def repaired(frame: pd.DataFrame) -> pd.DataFrame:
    """What repairing the text changes: published and repaired score of each system, pair and metric, where both are."""
    index = ["test_set", "system", "pair", "metric", "unknown_references"]
    table = frame.pivot_table(index=index, columns="text", values="score", sort=False)
    if not {"published", "repaired"} <= set(table.columns):
        return pd.DataFrame(columns=[*index, "published", "repaired", "difference"])
    table = table[["published", "repaired"]].reset_index().rename_axis(columns=None)
    return table.assign(difference=table["repaired"] - table["published"])


def _sorted(frame: pd.DataFrame, orders: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """`frame` sorted by the columns named, each in the order given; names that an order lacks come last."""
    ranks = {column: {name: rank for rank, name in enumerate(order)} for column, order in orders.items()}
    return frame.sort_values(
        list(orders), key=lambda column: column.map(ranks[column.name]), kind="stable", ignore_index=True
    )
