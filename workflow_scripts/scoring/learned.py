"""What a neural metric is asked, and what becomes of its answers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256
from workflow_scripts.scoring.metric import TEXTS, Learned
from workflow_scripts.scoring.texts import read_lines
from workflow_scripts.scoring.variants import as_variant, variants

Segment = dict[str, str]


@dataclass(frozen=True)
class Request:
    """One direction to score by a metric: the different `segments`, and which of them each variant of the text has."""

    metric: str
    pair: str
    segments: list[Segment]
    variants: dict[str, list[int]]

    def results(self, scores: Sequence[float]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The entries of the score file and the rows of the segments file; `scores` are those of `segments`.

        Raises `UserError` for a score that is not a number.
        """
        for score, segment in zip(scores, self.segments, strict=True):
            if not math.isfinite(score):
                raise UserError(f"{self.metric} gave {score} for a segment of {self.pair}: {segment}")
        entries, rows = [], []
        for variant, places in self.variants.items():
            values = [float(scores[place]) for place in places]
            score = sum(values) / len(values)
            entries.append({"name": self.metric, "score": score, "text": variant, "lines": len(values)})
            rows += [
                {"text": variant, "metric": self.metric, "id": line, "score": value, "statistics": None}
                for line, value in enumerate(values)
            ]
        return entries, rows


def prepare(metric: Learned, direction: Direction, texts: Mapping[str, Path], tokenization: str) -> Request:
    """Read the texts that the metric needs (`{role: file}`) in every variant; equal segments are scored once.

    Raises `UserError` where they are empty, or not parallel.
    """
    lines = {role: read_lines(path) for role, path in texts.items()}
    if len({len(text) for text in lines.values()}) > 1 or not all(lines.values()):
        counts = ", ".join(f"{path} has {len(lines[role])}" for role, path in texts.items())
        raise UserError(f"unequal numbers of lines, or none: {counts}")
    places: dict[tuple[str, ...], int] = {}
    indexes = {}
    for variant in variants(tokenization):
        read = [
            as_variant(variant, text, direction.source if role == "src" else direction.target)
            for role, text in lines.items()
        ]
        indexes[variant] = [places.setdefault(each, len(places)) for each in zip(*read, strict=True)]
    segments = [dict(zip(lines, each, strict=True)) for each in places]
    return Request(metric.stored_name, str(direction), segments, indexes)


SAID = ("version", "precision", "python", "sha256")
"""What workers say that scores depend on: `version` is that of the library, `sha256` that of the checkpoint."""
REPORTED = ("sha256", "sacrecomet")
"""What of it score files have in full, beside the signature."""


def signature(model: str, references: int, said: Mapping[str, Any]) -> str:
    """What scores depend on besides the texts, in sacrebleu's form; of `SAID` what the worker said.

    Of the checkpoint's digest the first twelve digits.
    """
    parts = {"model": Path(model).name, "nrefs": references}
    parts |= {name: str(said[name])[:12] for name in SAID if name in said}
    return "|".join(f"{name}:{value}" for name, value in parts.items())


def texts_of(metric: Learned, folder: Path, pair: Direction | str) -> dict[str, Path]:
    """The files that the metric reads, by what it calls them."""
    return {role: folder / f"{pair}.{TEXTS[role]}.txt" for role in metric.reads}


def model_identity(model: str, where: str) -> str:
    """What tells one model from another: its name, or the SHA-256 of its checkpoint; `where` is its key.

    Raises `UserError` where it is neither a checkpoint here nor looks like a name.
    """
    path = Path(model) / "checkpoints" / "model.ckpt" if Path(model).is_dir() else Path(model)
    if path.is_file():
        return sha256(path)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+(?<!\.ckpt)", model):
        raise UserError(f"{where}: {model} is neither a checkpoint here nor a name (Unbabel/wmt22-comet-da)")
    return model
