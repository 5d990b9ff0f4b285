"""The report's content, and its HTML."""

from __future__ import annotations

import os
import platform
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from workflow_scripts.files import code_version
from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.reporting import direction_tables, overlaps, verdict
from workflow_scripts.scoring import checks
from workflow_scripts.scoring.markdown import (
    PEOPLE,
    SEEDS,
    SEEDS_NOTE,
    VARIANTS,
    further,
    number,
    percent,
    present,
    probability,
    seed_cells,
)
from workflow_scripts.scoring.names import called
from workflow_scripts.scoring.tables import differences_to, read

TEMPLATE = Path(__file__).with_name("report.html.j2")
PACKAGES = ("torch", "fairseq", "ctranslate2", "sentencepiece", "sacrebleu", "sacremoses", "numpy", "snakemake")
ENDS = (".svg", ".pdf", ".csv")
"""What there is of every figure."""
UNQUOTED = " =:/;,()!*@{}+"
"""What stands, beside letters and digits, in an address within HTML as it is."""
CAPTIONS = {
    "scores-by-tier": "{} by tier",
    "scores-by-language": "{} by language",
    "scores-by-k": "{} by how many neurons are kept",
    "overlap-by-layer": "Overlap by layer: {}",
    "overlap": "Overlap between languages: {}",
    "languages": "Languages by overlap: {}",
    "shared": "Who keeps which neurons: {}",
    "sparsity": "Sparsity: {}",
    "crossed": "The baseline under the masks of other directions: {}",
    "training": "Training{}",
}


def content(
    tables: Path,
    config: Mapping[str, Any],
    against: Sequence[str],
    families: Sequence[Path],
    figures: Sequence[Path],
    folder: Path,
) -> dict[str, Any]:
    """What the template shows. `tables`, `families` and `figures` are files of earlier steps.

    Links to them start at `folder`, where the page will lie.
    """
    summary, directions = (read(tables / f"{name}.csv") for name in ("summary", "directions"))
    wins, tests, means, seeds = (
        _optional(tables / f"{name}.csv") for name in ("wins", "significance", "means", "seeds")
    )
    return {
        "run": config["run"],
        "against": against,
        "verdicts": verdict.verdicts(means, wins, against),
        "methods": verdict.claims(seeds, _primary(means)),
        "summaries": _summaries(summary, against),
        "checks": checks.sections(directions, _optional(tables / "checks.csv"), against),
        "directions": [
            block for other in against or [None] for block in direction_tables.blocks(directions, tests, other)
        ],
        "wins": wins.to_dict("records"),
        "means": _means(means),
        "people": PEOPLE,
        "claims": _claims(seeds),
        "families": _families(families),
        "shared": _shared(families),
        "figures": [_figure(path, folder) for path in figures],
        "files": [
            {"name": path.name, "link": link_to(path, folder)}
            for path in sorted(tables.iterdir())
            if path.suffix in (".csv", ".tex", ".md")
        ],
        "config": yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
        "seeds": _seeds(config),
        "versions": {"this code": code_version(), "Python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        "signatures": sorted(set(zip(directions["metric"], directions["signature"], strict=True))),
    }


def link_to(path: Path, folder: Path) -> str:
    """The address of a file, from a page in that folder."""
    return urllib.parse.quote(os.path.relpath(path, folder))


def _primary(means: pd.DataFrame) -> str:
    """The metric that claims are made by; empty where nothing was tested."""
    return "" if means.empty else str(means.loc[means["primary"], "metric"].iloc[0])


def render(values: Mapping[str, Any]) -> str:
    """The HTML of `content`."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(values)


def _optional(path: Path) -> pd.DataFrame:
    return read(path) if path.exists() else pd.DataFrame()


def _summaries(summary: pd.DataFrame, against: Sequence[str]) -> list[dict[str, Any]]:
    """A table per test set, metric and variant: rows of systems, cells of tiers and types, with differences.

    A difference is marked `up` where the score is better, which may be lower.
    """
    blocks = []
    for (test_set, metric, text), rows in summary.groupby(["test_set", "metric", "text"], sort=False):
        types = present(rows)
        tiers = list(rows["tier"].unique())
        systems = []
        for system, own in rows.groupby("system", sort=False):
            by_tier = own.set_index("tier").reindex(tiers)
            cells = [
                {
                    "score": number(by_tier.loc[tier, kind], metric),
                    "differences": [
                        found | {"against": other if len(against) > 1 else ""}
                        for other, end in differences_to(against).items()
                        if (found := _difference(by_tier.loc[tier], f"{kind}{end}", metric))
                    ],
                    "sd": number(by_tier.loc[tier, f"{kind}_sd"], metric) if _has(by_tier, f"{kind}_sd") else "",
                    "last": kind == types[-1],
                }
                for tier in tiers
                for kind in types
            ]
            systems.append({"name": system, "cells": cells, "base": system in against})
        title = ", ".join([called(metric).heading, VARIANTS[text], *further(test_set)])
        blocks.append({"title": title, "tiers": tiers, "types": types, "systems": systems})
    return blocks


def _has(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and frame[column].notna().any()


def _difference(row: pd.Series, column: str, metric: str) -> dict[str, str] | None:
    value = row.get(column)
    if value is None or pd.isna(value):
        return None
    text, gain = number(value, metric, signed=True), called(metric).gain(value)
    return {"text": text.replace("-", "−"), "sign": "up" if gain > 0 else "down" if gain < 0 else "same"}


def _means(tests: pd.DataFrame) -> list[dict[str, Any]]:
    """Tests of means over all languages, the primary metric's first; what the two tests say stands in one row."""
    if tests.empty:
        return []
    keys = ["test_set", "against", "metric", "text", "system", "type"]
    tests = tests[tests["tier"] == "All"].sort_values("primary", ascending=False, kind="stable")
    rows = []
    for place, both in tests.groupby(keys, sort=False):
        row = dict(zip(keys, place, strict=True)) | {"primary": bool(both["primary"].iloc[0])}
        found = both[["difference", "low", "high"]].astype(float).bfill().iloc[0]
        row |= {name: number(found[name], row["metric"], signed=True) for name in found.index}
        row["people"] = percent(both["people"].iloc[0])
        p = probability(both["p_holm"].astype(float).bfill().iloc[0])
        rows.append(row | {"p": p, "outcome": "".join(both["outcome"].fillna(""))})
    return rows


def _claims(seeds: pd.DataFrame) -> list[dict[str, Any]]:
    """What training seeds say of methods: a table per test set, the default one first."""
    sets = sorted(seeds["test_set"].unique(), key=lambda name: name != DEFAULT_SET) if len(seeds) else []
    return [
        {
            "title": ", ".join(["Methods, by training seeds", *further(name)]),
            "header": SEEDS,
            "rows": seed_cells(seeds[seeds["test_set"] == name]),
            "note": SEEDS_NOTE.replace("`", ""),
        }
        for name in sets
    ]


def _families(paths: Sequence[Path]) -> list[dict[str, str]]:
    """Overlap within and across families, mean over layers, on the side of each component where languages differ."""
    digits = {
        "within": 3,
        "across": 3,
        "corrected_within": 3,
        "corrected_across": 3,
        "p": 4,
        "kept_p": 4,
        "ari": 2,
        "halves": 3,
    }
    return [
        {name: str(row[name]) for name in ("selection", "component", "type", "note")}
        | {name: overlaps.shown(row[name], places) for name, places in digits.items()}
        for path in paths
        for row in overlaps.overall(overlaps.read_table(path)).to_dict("records")
    ]


def _shared(paths: Sequence[Path]) -> list[dict[str, str]]:
    """Shares of neurons by who keeps them, mean over layers: from the tables beside those of families."""
    lines = []
    for path in paths:
        table = overlaps.read_table(path.with_name("shared.csv"))
        for (component, kind), rows in table.groupby(["component", "type"], sort=False):
            if overlaps.SIDES[component] == kind:
                means = 100 * rows.groupby("group")["share"].sum() / rows["layer"].nunique()
                line = {"selection": str(rows["selection"].iloc[0]), "component": component, "type": kind}
                defined = {group: means.get(group, float("nan")) for group in overlaps.GROUPS}
                lines.append(line | {group: overlaps.shown(value, 1) for group, value in defined.items()})
    return lines


def _figure(path: Path, folder: Path) -> dict[str, Any]:
    kind = next(kind for kind in CAPTIONS if path.stem.startswith(kind))
    caption = CAPTIONS[kind].format(
        path.stem.removeprefix(kind)
        .strip("-")
        .replace("-encoder", ", encoder")
        .replace("-decoder", ", decoder")
        .replace("-against-", " against ")
    )
    # Browsers leave line ends in addresses out. What is quoted so is nearer to the text, and smaller, than base64.
    drawing = re.sub(r"\s*\n\s*", " ", path.read_text(encoding="utf-8"))
    source = f"data:image/svg+xml,{urllib.parse.quote(drawing, safe=UNQUOTED)}"
    files = [{"name": path.with_suffix(end).name, "link": link_to(path.with_suffix(end), folder)} for end in ENDS]
    return {"caption": caption, "source": source, "files": files}


def _seeds(config: Mapping[str, Any]) -> dict[str, Any]:
    """The run's seed, and every other seed that the configuration names."""
    seeds = {"run": config.get("seed")}
    for stage in ("training", "baseline", "specialize"):
        settings = config.get(stage) or {}
        seed = settings.get("seed", (settings.get("training") or {}).get("seed"))
        if seed is not None:
            seeds[stage] = seed
    for name, system in (config.get("systems") or {}).items():
        for part in ("training", "masks"):
            if "seed" in ((system or {}).get(part) or {}):
                seeds[f"{part} of {name}"] = system[part]["seed"]
    return seeds
