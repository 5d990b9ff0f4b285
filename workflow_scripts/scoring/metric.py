"""What a metric is: from what it says of every segment to the score of a test set."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.registry import Schema

Statistics = NDArray[np.int64]
"""One row of sufficient statistics per segment, whole numbers: int64 [n, m]."""
Sums = Sequence[float] | NDArray[Any]
"""Statistics added up over segments: [m]."""


class Scorer(ABC):
    """A metric at work on text in one language.

    `signature` says, in sacrebleu's form (`nrefs:1|case:mixed|version:2.5`), what scores depend on besides the texts.
    """

    signature: str

    @abstractmethod
    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Statistics:
        """What must be known of each segment, [n, m]: columns that can be added up over segments."""

    @abstractmethod
    def score(self, sums: Sums) -> float:
        """The score of the segments whose statistics add up to `sums`, of all or of a resample."""

    def scores(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """`score` of every row of `sums` [k, m]: [k]. Tests of significance take thousands of them."""
        return np.array([self.score(row) for row in sums], dtype=np.float64)

    def entry(self, sums: Sums) -> dict[str, Any]:
        """What score files say of a test set."""
        return {"score": float(self.score(sums)), "signature": self.signature}


@dataclass(frozen=True)
class Summed:
    """How the score of a test set comes from sums over its segments: of one, and of many at once (see `Scorer`)."""

    score: Callable[[Sums], float]
    scores: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    signature: str


@dataclass(frozen=True, kw_only=True)
class Metric(ABC):
    """A metric.

    `summary` says in a line what it is, `name` what tables, figures and published scores call it, `stored` what score
    files do where they follow sacrebleu in another name; `unit` what one of its points is. Numbers are shown with
    `digits` behind the point, and with the zero before it or without.

    `thresholds` are the names that mt-thresholds has for it, by the part of the signature that makes it that metric,
    and `points` the factor to what people call its points there.

    `options` are its own keys of `score`, each with a default; `required` (`comet.model`) is the one that must be set,
    and that turns the metric on. `check`, called with the options, raises `UserError` for what a schema cannot know.
    """

    summary: str
    name: str
    stored: str = ""
    unit: str = ""
    digits: int = 1
    leading_zero: bool = True
    higher_is_better: bool = True
    thresholds: Mapping[str, str] = field(default_factory=dict)
    points: float = 1.0
    options: Mapping[str, Schema] = field(default_factory=dict)
    required: str = ""
    check: Callable[..., None] = lambda **options: None

    step = ""
    """The step that computes it."""

    @property
    def stored_name(self) -> str:
        """What score files call it."""
        return self.stored or self.name

    @property
    def heading(self) -> str:
        """What stands above tables."""
        return self.name if self.higher_is_better else f"{self.name}, lower is better"

    def gain(self, difference: float) -> float:
        """A difference to another system, above 0 where this one is better."""
        return difference if self.higher_is_better else -difference

    def shown(self, value: float, signed: bool = False) -> str:
        """A score, or a difference, as tables print it; `–` where there is none."""
        if math.isnan(value):
            return "–"
        text = f"{value:{'+' if signed else ''}.{self.digits}f}"
        return text if self.leading_zero else text.replace("0.", ".", 1)

    @abstractmethod
    def ends(self, key: str) -> tuple[str, str]:
        """The ends of the names of the files with its scores and its segments; `key` is what it is registered as."""

    @abstractmethod
    def summands(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What of the segments is added up: [n, m] from what their file holds."""

    @abstractmethod
    def summed(self, language: str, options: Mapping[str, Any]) -> Summed:
        """How sums of `summands` become the score of text in that language."""


@dataclass(frozen=True, kw_only=True)
class Counted(Metric):
    """A metric that counts in hypotheses and references: `scorer(language, **options)` makes its `Scorer`.

    All that a run has share one file of scores and one of segments.
    """

    scorer: Callable[..., Scorer]

    step = "score"

    def ends(self, key: str) -> tuple[str, str]:
        return "json", "segments.parquet"

    def summands(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values

    def summed(self, language: str, options: Mapping[str, Any]) -> Summed:
        scorer = self.scorer(language, **options)
        return Summed(scorer.score, scorer.scores, scorer.signature)


@dataclass(frozen=True, kw_only=True)
class Learned(Metric):
    """A metric by a neural model in an environment of its own: the mean of the segments' scores.

    `environment` is one that envs/create.py makes; its Python runs the module `worker` as scoring/comet_worker.py says.
    `reads` are the texts that the model is given, of `TEXTS`. Its options are one, `{key: learned_option(…)}`.
    """

    environment: str
    worker: str
    reads: tuple[str, ...] = ("src", "mt", "ref")

    step = "score_comet"

    def ends(self, key: str) -> tuple[str, str]:
        return f"{key}.json", f"{key}.parquet"

    def summands(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        # A constant second column counts the segments.
        return np.column_stack([values, np.ones(len(values))])

    def summed(self, language: str, options: Mapping[str, Any]) -> Summed:
        signature = f"nrefs:{int('ref' in self.reads)}"
        return Summed(lambda sums: float(sums[0] / sums[1]), lambda sums: sums[:, 0] / sums[:, 1], signature)


TEXTS = {"src": "src", "mt": "hyp", "ref": "ref"}
"""What models call source, hypothesis and reference, and what their files end in."""


def learned_option(description: str, model: str) -> Schema:
    """The one option of a metric by a neural model: `model` describes which there are."""
    return {
        "type": "object",
        "additionalProperties": False,
        "default": {},
        "description": description,
        "properties": {
            "model": {"type": ["string", "null"], "default": None, "description": model},
            "batch_size": {"type": "integer", "minimum": 1, "default": 16, "description": "Segments scored at once."},
            "gpus": {
                "type": "integer",
                "minimum": 0,
                "default": 0,
                "description": "GPUs to use; 0 computes on the CPU.",
            },
        },
    }
