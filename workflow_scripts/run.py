"""What a configuration expands to: directions, systems, batches of work, what is compared with what, and every file.

The rules, `plan`, `status` and the report ask a `Run`; none of them decides. A `Run` is made once, from a configuration
that the schema has filled with defaults, and never changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from workflow_scripts import configuration
from workflow_scripts.configuration import Config
from workflow_scripts.data_stage import DataStage, TestSet
from workflow_scripts.direction import Direction, corpora
from workflow_scripts.engines import configured
from workflow_scripts.formats import GIVEN, READABLE
from workflow_scripts.languages import Language
from workflow_scripts.neurons.criterion import GRADIENTS
from workflow_scripts.outputs import Outputs
from workflow_scripts.paths import DEFAULT_SET, Paths
from workflow_scripts.pretrained import KEY, Pretrained
from workflow_scripts.score_stage import ScoreStage
from workflow_scripts.scoring import published
from workflow_scripts.scoring.settings import check as check_score
from workflow_scripts.scoring.settings import check_identification, check_trials, contrasts
from workflow_scripts.source_code import step_digest
from workflow_scripts.systems.system import Systems
from workflow_scripts.systems.variant import Variant
from workflow_scripts.training import provenance, work_folder
from workflow_scripts.training.course import PROCESSES, decisive
from workflow_scripts.work import Work

DOWNLOADS = ("fetch_databin", "fetch_pretrained", "given_baseline", "given_system")
"""Rules that may fetch what they write from the network."""


@dataclass(frozen=True)
class Run:
    """A run. `base` is the folder of the Snakefile, where shipped files are looked up; `config` has all defaults."""

    config: Config
    base: Path
    languages: Mapping[str, Language]
    directions: tuple[Direction, ...]
    pairs: tuple[Direction, ...]
    test_sets: tuple[TestSet, ...]
    imported: Mapping[str, tuple[Path, Mapping[Direction, list[Path]]]]

    @classmethod
    def from_config(cls, config: Config, base: Path) -> Run:
        """Check what a schema cannot and expand it. Raises `UserError` for what cannot be run.

        Reads the language table, and which files there are in the folders of test sets and existing translations.
        """
        languages = configuration.languages(config, base)
        configuration.check(config, list(languages))
        directions = configuration.directions(config, list(languages))
        pairs = configuration.pairs(config, list(languages))
        check_score(config["score"], list(config["systems"]))
        check_identification(config["score"], list(languages))
        found = configuration.imported(config, pairs)
        sets = tuple(TestSet(*found[:3], tuple(found[3])) for found in configuration.test_sets(config, pairs))
        default = TestSet(DEFAULT_SET, None, config["decode"]["split"], tuple(pairs))
        run = cls(config, base, languages, tuple(directions), tuple(pairs), (default, *sets), found)
        run.data.check()
        for file in run.scoring.published:
            published.read(file)
        for found in (found for sets in run.tested.values() for found in sets.values()):
            trials = config["score"]["significance"]["randomization"]
            check_trials(trials, max(map(len, found.values()), default=0), "directions")
            check_trials(trials, len(found), "systems")
        return run

    @property
    def name(self) -> str:
        """The run's name."""
        return self.config["run"]

    @property
    def pivot(self) -> str:
        """The language in the middle."""
        return self.config["languages"]["pivot"]

    @cached_property
    def paths(self) -> Paths:
        """Where its files lie."""
        return Paths(self.name)

    @cached_property
    def data(self) -> DataStage:
        """What its data stage reads and prepares."""
        return DataStage(self)

    @cached_property
    def scoring(self) -> ScoreStage:
        """What its score stage computes."""
        return ScoreStage(self)

    @cached_property
    def work(self) -> Work:
        """Its work in batches."""
        return Work(self)

    @cached_property
    def outputs(self) -> Outputs:
        """What it is asked for."""
        return Outputs(self)

    @property
    def language_table(self) -> str:
        """The file with the languages' names, families, scripts and tiers."""
        return str(configuration.located(self.config["languages"]["table"], self.base))

    @cached_property
    def corpora(self) -> tuple[Direction, ...]:
        """Pairs as they lie on disk: one set of files serves both directions."""
        return tuple(corpora(self.directions, self.pivot))

    @cached_property
    def systems(self) -> Systems:
        """What is scored, by name, in the configuration's order."""
        return configuration.systems(self.config, self.families)

    @property
    def families(self) -> dict[str, str]:
        """The families of its languages, by code."""
        return {code: language.family for code, language in self.languages.items()}

    def mask_settings(self, system: str) -> dict[str, Any]:
        """How a system's neurons are selected."""
        return self.systems[system].mask_settings(self.directions, self.families)

    @property
    def recording(self) -> dict[str, Any]:
        """How activations are recorded; by a backward pass, too, where neurons are chosen by what it says."""
        chosen = [self.systems[name] for name in self.systems.masked]
        needed = {name for system in chosen for name in system.recorded}
        gradients = self.config["activations"]["gradients"] or not needed.isdisjoint(GRADIENTS)
        return {**self.config["activations"], "gradients": "true" if gradients else None}

    @property
    def tokenization(self) -> str:
        """How the text was tokenized before SentencePiece."""
        return "none" if self.data.is_text else self.config["data"]["tokenization"]

    @property
    def has_data(self) -> bool:
        """Whether there is anything but existing translations."""
        return self.data.form != "none"

    @property
    def baseline_is_trained(self) -> bool:
        """Whether the baseline is trained here, not given."""
        return self.has_data and not self.config["baseline"].get("checkpoint")

    @property
    def shape(self) -> dict[str, int] | None:
        """The size of the baseline that is yet to be trained; none of one that is given."""
        return {key: self.config["model"][key] for key in ("layers", "ffn_dim")} if self.baseline_is_trained else None

    def training(self, system: str | None = None) -> dict[str, Any]:
        """Training settings of a system, or of the baseline."""
        return configuration.training(self.config, system)

    def decisive_training(self, system: str | None = None) -> dict[str, Any]:
        """The settings of a training that decide what an update computes and which weights are kept."""
        return decisive(self.training(system))

    def processes(self, system: str | None = None) -> dict[str, Any]:
        """The settings of a training that only say where and how fast."""
        return {name: value for name, value in self.training(system).items() if name in PROCESSES}

    def code_of_training(self, name: str) -> str:
        """The digest of the code that trains, where this training is to be repeated for it; else nothing."""
        return step_digest("train", *self._kind_of(name)) if name in self.config["jobs"]["retrain"] else ""

    def _kind_of(self, name: str) -> list[str]:
        """The module of a system's kind; the baseline has none."""
        return [self.systems[name].module] if name in self.systems.trained else []

    def stale_trainings(self) -> list[str]:
        """What to say of each training whose code has changed since: it is left as it is until it is named."""
        return [
            provenance.stale_message(name, checkpoint)
            for name, checkpoint in self.trainings.items()
            if name not in self.config["jobs"]["retrain"] and provenance.is_stale(checkpoint, *self._kind_of(name))
        ]

    @property
    def trainings(self) -> dict[str, str]:
        """Checkpoints that are trained in this run, by name."""
        own = {"baseline": self.paths.baseline} if self.baseline_is_trained else {}
        return own | {name: self.systems[name].checkpoint for name in self.systems.trained}

    def is_precious(self, rule: str, outputs: Sequence[str]) -> bool:
        """Whether files are left alone where nothing is known of how they were made.

        These are downloads, and trainings that no work folder could bring back.
        """
        works = [self.paths.work(name) for name, path in self.trainings.items() if path in outputs]
        return rule in DOWNLOADS or any(not Path(work, work_folder.STATE).exists() for work in works)

    @property
    def curves(self) -> dict[str, str]:
        """Training curves by name."""
        own = {"baseline": self.paths.baseline_curve} if self.baseline_is_trained else {}
        return own | {name: self.systems[name].curve for name in self.systems.trained}

    @property
    def pretrained(self) -> Pretrained | None:
        """The model of transformers that the baseline is, if it is one."""
        given = self.config["baseline"].get("checkpoint") or {}
        return Pretrained(given, self.paths, self.languages) if KEY in given else None

    @property
    def given_baseline(self) -> list[str]:
        """What the step that takes a given baseline reads; nothing where it downloads it."""
        given = self.given_checkpoint()
        return self.pretrained.files if self.pretrained else [given["path"]] if "path" in given else []

    def given_checkpoint(self, system: str | None = None) -> dict[str, Any]:
        """Where a given checkpoint (of the baseline where no system is named) is from, and its format."""
        own = self.pretrained.source if self.pretrained else self.config["baseline"].get("checkpoint")
        return self.systems[system].settings["checkpoint"] if system else own

    def code_of_given(self, system: str | None = None) -> str:
        """The digest of the code that takes a given checkpoint, its format's included."""
        return step_digest("given_checkpoint", READABLE.module(self.given_checkpoint(system).get("format", GIVEN)))

    def scored(self, system: str, test_set: str = DEFAULT_SET) -> tuple[Direction, ...]:
        """The directions of a system that are scored on a test set."""
        if system in self.imported:
            return tuple(self.imported[system][1]) if test_set == DEFAULT_SET else ()
        return next(one.directions for one in self.test_sets if one.name == test_set)

    @cached_property
    def rows(self) -> dict[str, dict[str, list[Direction]]]:
        """What the tables hold: directions by test set and system."""
        return {
            one.name: {name: list(found) for name in self.systems if (found := self.scored(name, one.name))}
            for one in self.test_sets
        }

    def search_of(self, system: str | None = None) -> dict[str, Any]:
        """How translations are searched for, of a system, or of the baseline under masks."""
        return configured.search_of(self._decode(system))

    def code_of_search(self, system: str) -> str:
        """What of the code, and which versions of the engine's packages, decide what a system translates."""
        return configured.code_of(self._decode(system), self.systems[system].module)

    def _decode(self, system: str | None) -> dict[str, Any]:
        plain = system is None or self.systems[system].kind.fold is not None
        return configured.for_kind(self.config["decode"], plain)

    @property
    def crossed(self) -> tuple[str, ...]:
        """The systems under whose masks for other directions the baseline is decoded."""
        return tuple(self.config["report"]["crossed"])

    def code_of_crossed(self, system: str | None = None) -> str:
        """What of the code decides that, under a system's masks or under none."""
        return configured.code_of(
            self.config["decode"], self.systems[system].module if system else Variant().module, "crossed"
        )

    @property
    def contrasts(self) -> tuple[str, ...]:
        """The systems that others are compared with, as far as the run has them."""
        return tuple(name for name in contrasts(self.config["score"]) if name in self.systems)

    @property
    def against(self) -> str | None:
        """The first of `contrasts`, or none."""
        return next(iter(self.contrasts), None)

    @cached_property
    def tested(self) -> dict[str, dict[str, dict[str, list[Direction]]]]:
        """Directions by contrast, test set and system: those that both systems have."""
        if not any(self.config["score"]["significance"].values()):
            return {}
        return {
            against: {
                one: {
                    name: common
                    for name in found
                    if name != against and (common := [pair for pair in found[name] if pair in found.get(against, [])])
                }
                for one, found in self.rows.items()
            }
            for against in self.contrasts
        }
