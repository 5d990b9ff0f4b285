"""What the score stage computes: which metrics, into which files, with which settings and code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workflow_scripts.direction import Direction
from workflow_scripts.scoring.metric import Metric
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import chosen, options_of
from workflow_scripts.scoring.settings import primary
from workflow_scripts.source_code import step_digest

if TYPE_CHECKING:
    from workflow_scripts.run import Run
    from workflow_scripts.work import Batch


@dataclass(frozen=True)
class ScoreStage:
    """The score stage of one run."""

    run: Run

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The metrics, by what they are registered as."""
        return chosen(self.run.config["score"])

    def of_step(self, step: str) -> list[str]:
        """The metrics that a step computes."""
        return [key for key, metric in self.metrics.items() if metric.step == step]

    @property
    def names(self) -> list[str]:
        """Names of the metrics, as tables have them."""
        return [metric.name for metric in self.metrics.values()]

    @property
    def primary(self) -> str:
        """The name of the metric that claims are made by."""
        return primary(self.run.config["score"]).name

    @property
    def counting(self) -> dict[str, Any]:
        """The options of the metrics that count."""
        return options_of(self.of_step("score"), self.run.config["score"])

    @property
    def settings(self) -> dict[str, Any]:
        """How texts are scored by metrics that count."""
        return {"tokenization": self.run.tokenization, "metrics": self.of_step("score"), **self.counting}

    def model_settings(self, metric: str) -> dict[str, Any]:
        """How texts are scored by a neural metric, and in which environment."""
        (settings,) = options_of([metric], self.run.config["score"]).values()
        python = str(self.run.base / f".venv-{self.metrics[metric].environment}" / "bin" / "python")
        return {"metric": metric, **settings, "tokenization": self.run.tokenization, "python": python}

    @property
    def test_settings(self) -> dict[str, Any]:
        """How differences are tested."""
        tests = self.run.config["score"]["significance"]
        return {"seed": self.run.config["seed"], **tests, "metrics": list(self.metrics), **self.counting}

    def code_of(self, step: str, metrics: Iterable[str] | None = None) -> str:
        """The digest of a step's code with that of the metrics it works with, all of the run's where none are named."""
        return step_digest(step, *map(METRICS.module, self.metrics if metrics is None else metrics))

    def files(
        self, system: str, test_set: str, pair: Direction | str, metrics: Iterable[str] | None = None
    ) -> list[str]:
        """The files with scores and segments of a direction, of all metrics or of some."""
        ends = dict.fromkeys(self.metrics[key].ends(key) for key in (self.metrics if metrics is None else metrics))
        return [file for each in ends for file in self.run.paths.score(system, test_set, pair, each)]

    def made(self, batch: Batch, metrics: Iterable[str]) -> list[str]:
        """What a job writes that scores a batch by these metrics; the system stands as `{system}`."""
        return [file for pair in batch.directions for file in self.files("{system}", batch.test_set, pair, metrics)]

    def segments(self, system: str, test_set: str, pair: Direction) -> list[str]:
        """What the metrics say of every segment of a direction: what is tested."""
        return self.files(system, test_set, pair)[1::2]
