"""The report's content, and its HTML."""

from __future__ import annotations

import base64
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from workflow_scripts.files import code_version
from workflow_scripts.scoring.markdown import READINGS, number

TEMPLATE = Path(__file__).with_name("report.html.j2")
PACKAGES = ("torch", "fairseq", "ctranslate2", "sentencepiece", "sacrebleu", "sacremoses", "numpy", "snakemake")
CAPTIONS = {
    "scores-by-tier": "{} by tier",
    "scores-by-language": "{} by language",
    "overlap-by-layer": "Overlap by layer: {}",
    "overlap": "Overlap between languages: {}",
    "languages": "Languages by overlap: {}",
    "sparsity": "Sparsity: {}",
    "training": "Training{}",
}


def content(
    tables: Path, config: Mapping[str, Any], against: str | None, overlaps: Sequence[Path], figures: Sequence[Path]
) -> dict[str, Any]:
    """What the template shows. `tables`, `overlaps` and `figures` are files of earlier steps."""
    summary = pd.read_csv(tables / "summary.csv")
    directions = pd.read_csv(tables / "directions.csv")
    wins, tests = (_optional(tables / f"{name}.csv") for name in ("wins", "significance"))
    return {
        "run": config["run"],
        "against": against,
        "summaries": _summaries(summary, against),
        "directions": _directions(directions, tests),
        "wins": wins.to_dict("records"),
        "families": _families(overlaps),
        "figures": [_figure(path) for path in figures],
        "config": yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
        "seeds": _seeds(config),
        "versions": {"this code": code_version(), "Python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        "signatures": sorted(set(zip(directions["metric"], directions["signature"], strict=True))),
    }


def render(values: Mapping[str, Any]) -> str:
    """The HTML of `content`."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(values)


def _optional(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def _summaries(summary: pd.DataFrame, against: str | None) -> list[dict[str, Any]]:
    """A table per metric and reading: rows of systems, cells of tiers and direction types, with differences."""
    blocks = []
    for (metric, text), rows in summary.groupby(["metric", "text"], sort=False):
        kinds = [kind for kind in ("O2M", "M2O", "X2Y", "Avg") if kind in rows and rows[kind].notna().any()]
        tiers = list(rows["tier"].unique())
        systems = []
        for system, own in rows.groupby("system", sort=False):
            by_tier = own.set_index("tier").reindex(tiers)
            cells = [
                {
                    "score": number(by_tier.loc[tier, kind], metric),
                    "difference": _difference(by_tier.loc[tier], kind, metric),
                    "sd": number(by_tier.loc[tier, f"{kind}_sd"], metric) if _has(by_tier, f"{kind}_sd") else "",
                    "last": kind == kinds[-1],
                }
                for tier in tiers
                for kind in kinds
            ]
            systems.append({"name": system, "cells": cells, "base": system == against})
        title = f"{metric}, {READINGS[text]}"
        blocks.append({"title": title, "tiers": tiers, "kinds": kinds, "systems": systems})
    return blocks


def _has(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and frame[column].notna().any()


def _difference(row: pd.Series, kind: str, metric: str) -> dict[str, str] | None:
    value = row.get(f"{kind}_difference")
    if value is None or pd.isna(value):
        return None
    text = number(value, metric, signed=True)
    return {"text": text.replace("-", "−"), "sign": "up" if value > 0 else "down" if value < 0 else "same"}


def _directions(directions: pd.DataFrame, tests: pd.DataFrame) -> list[dict[str, Any]]:
    """A table per metric in the last reading: rows of directions, a score per system, with outcomes of tests."""
    outcomes: dict[tuple[str, ...], str] = {}
    if not tests.empty:
        first = tests.drop_duplicates(["system", "pair", "metric", "text"])
        keys = zip(first["system"], first["pair"], first["metric"], first["text"], strict=True)
        outcomes = dict(zip(keys, first["outcome"], strict=True))
    blocks = []
    for metric, rows in directions.groupby("metric", sort=False):
        text = rows["text"].iloc[-1]
        rows = rows[rows["text"] == text]
        systems = list(rows["system"].unique())
        scores = rows.set_index(["pair", "system"])["score"].to_dict()
        table = [
            {
                "pair": pair,
                "cells": [
                    {
                        "score": number(scores.get((pair, system), float("nan")), metric),
                        "outcome": outcomes.get((system, pair, metric, text), ""),
                    }
                    for system in systems
                ],
            }
            for pair in rows["pair"].unique()
        ]
        blocks.append({"title": f"{metric}, {READINGS[text]}", "systems": systems, "rows": table})
    return blocks


def _families(overlaps: Sequence[Path]) -> list[dict[str, Any]]:
    """Overlap within and across families, mean over layers, on the side of each component where languages differ."""
    rows = []
    for path in overlaps:
        frame = pd.read_csv(path)
        shown = frame[
            (frame["layer"] == 0) & (frame["type"] == frame["component"].map({"encoder": "M2O", "decoder": "O2M"}))
        ]
        rows += [{"name": path.parent.name.removeprefix("overlap-"), **row} for row in shown.to_dict("records")]
    return rows


def _figure(path: Path) -> dict[str, str]:
    kind = next(kind for kind in CAPTIONS if path.stem.startswith(kind))
    caption = CAPTIONS[kind].format(
        path.stem.removeprefix(kind).strip("-").replace("-encoder", ", encoder").replace("-decoder", ", decoder")
    )
    data = base64.b64encode(path.read_bytes()).decode()
    return {"caption": caption, "source": f"data:image/svg+xml;base64,{data}", "file": path.name}


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
