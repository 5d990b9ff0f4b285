"""What the score stage computes: which metrics, into which files, with which settings and code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workflow_scripts import configuration
from workflow_scripts.direction import Direction
from workflow_scripts.scoring.identifiers import IDENTIFIERS
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
    def published(self) -> list[str]:
        """The table of published scores to set beside the run's: one file, or none."""
        file = self.run.config["score"]["published"]
        return [str(configuration.located(file, self.run.base))] if file else []

    @property
    def names(self) -> list[str]:
        """Names of the metrics, as tables have them."""
        return [metric.name for metric in self.metrics.values()]

    @property
    def primary(self) -> str:
        """The name of the metric that claims are made by."""
        return primary(self.run.config["score"]).name

    @property
    def primary_counted(self) -> str:
        """The same where it counts, else the first metric that does."""
        counted = [self.metrics[key].name for key in self.of_step("score")]
        return self.primary if self.primary in counted else counted[0]

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

    @cached_property
    def ceilings(self) -> dict[str, dict[str, list[Direction]]]:
        """Directions by test set and system whose raw references are here, to see what cleaning puts out of reach.

        Those of a given data-bin come out of it, as its training text does; existing translations owe this run nothing.
        """
        sets = self.run.data.from_text if self.of_step("score") else []
        rows = {one: {name: self.run.rows[one].get(name, []) for name in self.run.systems.models} for one in sets}
        return {one: found for one, found in rows.items() if any(found.values())}

    @property
    def files_of_ceilings(self) -> dict[str, list[str]]:
        """The files of these by test set."""
        return {
            one: [self.run.paths.ceiling(one, pair) for pair in self.run.scored(next(iter(found)), one)]
            for one, found in self.ceilings.items()
        }

    @property
    def identifier(self) -> str:
        """Who tells the languages of hypotheses; empty where nobody is asked, or there is no text to learn from."""
        name = self.run.config["score"]["language_identification"]
        able = IDENTIFIERS[name].open and (self.run.has_data or not IDENTIFIERS[name].learn)
        return name if able else ""

    @property
    def unidentified(self) -> str:
        """Why languages are not told although that was asked for; empty where they are."""
        name = self.run.config["score"]["language_identification"]
        asked = IDENTIFIERS[name].open and not self.identifier
        return f"{name} learns languages from training text, of which this run has none" if asked else ""

    @property
    def learned(self) -> list[str]:
        """What the identifier learns: one file, or none."""
        return [self.run.paths.identifier] if self.identifier and IDENTIFIERS[self.identifier].learn else []

    @property
    def identification(self) -> dict[str, Any]:
        """How languages are told."""
        settings = IDENTIFIERS.settings(self.identifier, self.run.config["score"])
        return {"language_identification": self.identifier, **settings}

    def code_of_identification(self, step: str) -> str:
        """What of the code, and which versions of packages, decide how languages are told."""
        packages = [f"{package} {found}" for package, found in IDENTIFIERS[self.identifier].versions().items()]
        return ", ".join([step_digest(step, IDENTIFIERS.module(self.identifier)), *packages])

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
