"""A run's work in batches: one job works through many directions with one model load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from workflow_scripts.direction import Direction
from workflow_scripts.paths import DEFAULT_SET

if TYPE_CHECKING:
    from workflow_scripts.run import Run


@dataclass(frozen=True)
class Batch:
    """Directions of a test set that one job works through for one of `systems`; numbered from 1 within its stage."""

    number: int
    directions: tuple[Direction, ...]
    systems: tuple[str, ...] = ()
    test_set: str = DEFAULT_SET
    against: str = ""

    @property
    def label(self) -> str:
        """What its logs are called: by its first direction.

        Snakemake takes the time of a log for that of the job. Under its number a batch would find another one's, as
        soon as work is packed otherwise.
        """
        place = [self.against, "" if self.test_set == DEFAULT_SET else self.test_set, str(self.directions[0])]
        return ".".join(filter(None, place))


@dataclass(frozen=True)
class Work:
    """The batches of every stage that works through directions."""

    run: Run

    def _chunks(self, directions: Sequence[Direction]) -> Iterable[tuple[Direction, ...]]:
        size = self.run.config["jobs"]["directions_per_job"]
        for start in range(0, len(directions), size):
            yield tuple(directions[start : start + size])

    @cached_property
    def record(self) -> list[Batch]:
        """What is recorded, with one model load a batch."""
        return [Batch(number, part) for number, part in enumerate(self._chunks(self.run.directions), start=1)]

    @cached_property
    def decode(self) -> list[Batch]:
        """What is decoded, with one model load a batch and system."""
        systems = self.run.systems.models
        parts = [(one.name, part) for one in self.run.test_sets for part in self._chunks(one.directions)]
        return [Batch(number, part, systems, name) for number, (name, part) in enumerate(parts, start=1)]

    @cached_property
    def crossed(self) -> list[Batch]:
        """The directions under whose masks the baseline decodes others, with one model load each."""
        parts = self._chunks(self.run.directions) if self.run.crossed else []
        return [Batch(number, part, self.run.crossed) for number, part in enumerate(parts, start=1)]

    @cached_property
    def score(self) -> list[Batch]:
        """What is scored; systems with the same directions share their batches."""
        return _numbered(
            Batch(0, part, systems, one)
            for one, found in self.run.rows.items()
            for directions, systems in _alike(found)
            for part in self._chunks(directions)
        )

    @cached_property
    def counted(self) -> list[Batch]:
        """What is scored by the metrics that count, all in one go."""
        return self.score if self.run.scoring.of_step("score") else []

    @cached_property
    def identified(self) -> list[Batch]:
        """Whose languages are told."""
        return self.score if self.run.scoring.identifier else []

    @property
    def all_jobs_of_identification(self) -> list[str]:
        """One file of each job that tells languages."""
        return [
            self.run.paths.off_target(system, batch.test_set, batch.directions[0])
            for batch in self.identified
            for system in batch.systems
        ]

    @cached_property
    def learned(self) -> list[tuple[str, Batch]]:
        """What is scored by each neural metric, with one model load a batch and system."""
        parts = [(metric, batch) for metric in self.run.scoring.of_step("score_comet") for batch in self.score]
        return [(metric, replace(batch, number=number)) for number, (metric, batch) in enumerate(parts, start=1)]

    @cached_property
    def tests(self) -> list[Batch]:
        """What is tested for significance."""
        return _numbered(
            Batch(0, part, systems, one, against)
            for against, sets in self.run.tested.items()
            for one, found in sets.items()
            for directions, systems in _alike(found)
            for part in self._chunks(directions)
        )

    @cached_property
    def means(self) -> list[Batch]:
        """The means over directions that are tested for significance."""
        return _numbered(
            Batch(0, directions, systems, one, against)
            for against, sets in self.run.tested.items()
            for one, found in sets.items()
            for directions, systems in _alike(found)
        )

    @property
    def all_means(self) -> list[str]:
        """The tests of all means."""
        return [
            self.run.outputs.means(batch.against, system, batch.test_set)
            for batch in self.means
            for system in batch.systems
        ]

    def jobs_of_translations(self, system: str, test_set: str, pairs: Iterable[Direction]) -> list[str]:
        """One file of each job that makes translations of `pairs`.

        The files of a job get their times together: who needs many of its files asks for the first. (Thousands of files
        that are asked for one by one cost seconds at every start.)
        """
        if system in self.run.imported:
            return [self.run.paths.translation(system, test_set, self.run.scored(system)[0])[0]]
        wanted = set(pairs)
        return [
            self.run.paths.translation(system, test_set, batch.directions[0])[0]
            for batch in self.decode
            if test_set == batch.test_set and wanted & set(batch.directions)
        ]

    def jobs_of_scores(self, system: str, test_set: str, pairs: Iterable[Direction]) -> list[str]:
        """One file of each job that scores `pairs`, by whichever metric (see `jobs_of_translations`)."""
        wanted = set(pairs)
        return [
            path
            for batch in self.score
            if system in batch.systems and test_set == batch.test_set and wanted & set(batch.directions)
            for path in self.run.scoring.segments(system, test_set, batch.directions[0])
        ]

    @property
    def all_jobs_of_scores(self) -> list[str]:
        """One file of each job that scores anything."""
        return [
            path
            for one, found in self.run.rows.items()
            for system, pairs in found.items()
            for path in self.jobs_of_scores(system, one, pairs)
        ]

    @property
    def all_jobs_of_tests(self) -> list[str]:
        """One file of each job that tests anything."""
        return [
            self.run.paths.test(batch.against, system, batch.test_set, batch.directions[0])
            for batch in self.tests
            for system in batch.systems
        ]


def _alike(found: Mapping[str, list[Direction]]) -> list[tuple[tuple[Direction, ...], tuple[str, ...]]]:
    """Systems with the same directions, together."""
    groups: dict[tuple[Direction, ...], list[str]] = {}
    for name, directions in found.items():
        groups.setdefault(tuple(directions), []).append(name)
    return [(directions, tuple(names)) for directions, names in groups.items()]


def _numbered(batches: Iterable[Batch]) -> list[Batch]:
    return [replace(batch, number=number) for number, batch in enumerate(batches, start=1)]
