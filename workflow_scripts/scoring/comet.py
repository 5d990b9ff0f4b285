"""What COMET is asked, and what becomes of its answers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256
from workflow_scripts.scoring.texts import read_lines
from workflow_scripts.scoring.variants import as_variant, variants

Segment = dict[str, str]


@dataclass(frozen=True)
class Request:
    """One direction to score: the different `segments`, and for each variant of the text which of them it has."""

    pair: str
    segments: list[Segment]
    variants: dict[str, list[int]]

    def results(self, scores: Sequence[float]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The entries of the score file and the rows of the segments file; `scores` are those of `segments`.

        Raises `UserError` for a score that is not a number.
        """
        for score, segment in zip(scores, self.segments, strict=True):
            if not math.isfinite(score):
                raise UserError(f"COMET gave {score} for a segment of {self.pair}: {segment}")
        entries, rows = [], []
        for variant, places in self.variants.items():
            values = [float(scores[place]) for place in places]
            entries.append({"name": "COMET", "score": sum(values) / len(values), "text": variant, "lines": len(values)})
            rows += [
                {"text": variant, "metric": "COMET", "id": line, "score": value, "statistics": None}
                for line, value in enumerate(values)
            ]
        return entries, rows


def prepare(direction: Direction, texts: Sequence[Path], tokenization: str) -> Request:
    """Read source, hypothesis and reference texts in every variant; equal segments are scored once."""
    lines = [read_lines(path) for path in texts]
    if len({len(text) for text in lines}) > 1 or not lines[0]:
        counts = ", ".join(f"{path} has {len(text)}" for path, text in zip(texts, lines, strict=True))
        raise UserError(f"unequal numbers of lines, or none: {counts}")
    languages = (direction.source, direction.target, direction.target)
    places: dict[tuple[str, str, str], int] = {}
    indexes = {}
    for variant in variants(tokenization):
        read = [as_variant(variant, text, code) for text, code in zip(lines, languages, strict=True)]
        indexes[variant] = [places.setdefault(triple, len(places)) for triple in zip(*read, strict=True)]
    segments = [{"src": src, "mt": hyp, "ref": ref} for src, hyp, ref in places]
    return Request(str(direction), segments, indexes)


def model_identity(model: str) -> str:
    """What tells one COMET model from another: its name, or the SHA-256 of its checkpoint.

    Raises `UserError` where it is neither a checkpoint here nor looks like a name.
    """
    path = Path(model) / "checkpoints" / "model.ckpt" if Path(model).is_dir() else Path(model)
    if path.is_file():
        return sha256(path)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+(?<!\.ckpt)", model):
        raise UserError(f"score.comet.model: {model} is neither a checkpoint here nor a name (Unbabel/wmt22-comet-da)")
    return model
