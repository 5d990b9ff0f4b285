"""Kills aimed at every window between two states of a run's files: each is met once, by the command of the step itself.

A first run of the step lists the windows; then, for each, a run is killed there by SIGKILL, the same command is run
again, and the run's files must be those of an uninterrupted one. It starts where another version of the run had made
the step's files, which must not be mistaken for its own; where the step keeps what is current, its command in that
other version is tried after the kill as well.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.reliability.comparison import differences
from tests.reliability.forks import Forks
from tests.reliability.interposition import entries, state
from tests.reliability.runs import Place, Step
from workflow_scripts.files import sha256

KILLED = -9
PATIENCE = 900.0
LATER = shutil.ignore_patterns(".snakemake", "logs", "code")


@dataclass(frozen=True)
class Window:
    """A moment between two operations of a process on files."""

    process: str
    number: int
    operation: str
    moment: str
    path: str
    state: str

    def __str__(self) -> str:
        return f"{self.moment} {self.operation} of {self.path} ({self.process}, window {self.number})"


@dataclass(frozen=True)
class Attempt:
    """A kill, and what was wrong after the restart."""

    stage: str
    window: Window
    restart: str
    faults: tuple[str, ...]


def read(log: Path) -> list[Window]:
    """The windows that a run has listed."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    return [Window(**{key: row[key] for key in Window.__dataclass_fields__}) for row in rows]


def distinct(windows: Iterable[Window], begin: str) -> list[Window]:
    """The windows whose files are others than at the one before: kills there leave different things."""
    found: dict[str, Window] = {}
    for window in windows:
        if window.state != begin:
            found.setdefault(window.state, window)
    return list(found.values())


def aim(log: Path, folder: Path, window: Window | None = None, group: bool = True) -> dict[str, Any]:
    """The settings of an interposition that lists the windows, or kills at one."""
    for path in log.parent.glob(f"{log.name}*"):
        path.unlink()
    kill = {"process": window.process, "number": window.number} if window else None
    return {"folder": str(folder), "log": str(log), "kill": kill, "group": group}


@dataclass(frozen=True)
class Aim:
    """A step of the run `ours` that is killed below `scratch`; `theirs` is the other version with the same step."""

    forks: Forks
    scratch: Path
    ours: Place
    theirs: Place
    step: Step
    anew: bool = False

    @property
    def name(self) -> str:
        return f"{self.step.stage}{' from nothing' if self.anew else ''}"

    @property
    def log(self) -> Path:
        return self.scratch / "windows.jsonl"

    @cached_property
    def other(self) -> Step:
        """The same step of the other version."""
        return next(
            step for step in self.theirs.steps() if (step.rule, step.outputs) == (self.step.rule, self.step.outputs)
        )

    @cached_property
    def written(self) -> tuple[str, ...]:
        """All files that the step writes."""
        place = self.copy(self.ours, "written")
        for name in self.made(place):
            remove(place.folder / name)
        before = set(entries(str(place.results)))
        self.must(place, self.step)
        after = {entry.split(" ")[0] for entry in set(entries(str(place.results))) - before if " " in entry}
        return tuple(sorted(os.path.relpath(path, place.folder) for path in after))

    @cached_property
    def start(self) -> Place:
        """Ours, with the step's files as the other version has them, or without them where they are the same."""
        written = self.written
        place = self.copy(self.ours, "start")
        for name in self.made(place):
            remove(place.folder / name)
        if not self.anew and self.versions:
            for name in written:
                take(self.theirs.folder / name, place.folder / name)
        return place

    @cached_property
    def versions(self) -> bool:
        """Whether the other version has other files."""
        pairs = [(self.ours.folder / name, self.theirs.folder / name) for name in self.written]
        return any(not theirs.exists() or sha256(ours) != sha256(theirs) for ours, theirs in pairs)

    @cached_property
    def keeps(self) -> bool:
        """Whether the step leaves alone what is current."""
        place = self.copy(self.ours, "kept")
        before = inodes(place, self.written)
        self.must(place, self.step)
        return inodes(place, self.written) == before

    @cached_property
    def windows(self) -> list[Window]:
        """The windows of an uninterrupted run, one for each state of the files."""
        place = self.copy(self.start, "listed")
        begin = state(str(place.folder))
        assert self.run(place, self.step, aim(self.log, place.folder)) == 0, self.said()
        found = list(differences(place.results, self.ours.results))
        assert not found, f"{self.name}: the other version's files are mistaken for its own: {found}"
        return distinct(read(self.log), begin)

    def made(self, place: Place) -> list[str]:
        """The files and folders that the step makes: those that its rule names, and the folder it works in."""
        words = self.step.arguments
        return [*self.step.outputs, *([words[words.index("--work") + 1]] if "--work" in words else [])]

    def attempts(self, windows: Sequence[Window]) -> Iterator[Attempt]:
        """Kill at each of the windows, and start again."""
        for window in windows:
            place = self.copy(self.start, "killed")
            code = self.run(place, self.step, aim(self.log, place.folder, window))
            if code != KILLED:
                yield Attempt(self.name, window, "none", (f"it was not killed there, but ended with {code}",))
                continue
            if not self.anew and self.versions and self.keeps:
                back = self.copy(self.theirs, "back")
                for name in {*self.written, *(set(files(place)) - set(files(self.ours)))}:
                    take(place.folder / name, back.folder / name)
                yield Attempt(self.name, window, "of before", self.faults(back, self.other, self.theirs, work=False))
            yield Attempt(self.name, window, "same", self.faults(place, self.step, self.ours))

    def faults(self, place: Place, step: Step, wanted: Place, work: bool = True) -> tuple[str, ...]:
        """What is wrong after the step was run (again); `work`: also in the folder of a training."""
        if code := self.run(place, step):
            return (f"exit code {code}: {self.said()[-300:]}",)
        return tuple(differences(place.results, wanted.results, work))

    def copy(self, place: Place, name: str) -> Place:
        """The files of a place, as far as steps read them, in a folder below `scratch`."""
        folder = self.scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(place.folder, folder, symlinks=True, ignore=LATER)
        (folder / "code").symlink_to((place.folder / "code").resolve())
        return Place(folder)

    def run(self, place: Place, step: Step, settings: dict[str, Any] | None = None) -> int:
        self.scratch.joinpath("said.txt").unlink(missing_ok=True)
        return self.forks.run(place.folder, step.module, step.arguments, settings)

    def must(self, place: Place, step: Step) -> None:
        assert self.run(place, step) == 0, self.said()

    def said(self) -> str:
        return (self.scratch / "said.txt").read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True)
class Pipeline:
    """Kills of Snakemake, or of the job that it runs, while it makes `targets` of the finished run `ours` again."""

    scratch: Path
    ours: Place
    targets: tuple[str, ...]
    removed: tuple[str, ...]
    """Files and folders, without which it has to."""

    @property
    def log(self) -> Path:
        return self.scratch / "windows.jsonl"

    def start(self, name: str) -> Place:
        place = self.ours.copied(self.scratch / name)
        for path in self.removed:
            remove(place.folder / path)
        return place

    def run(self, place: Place, settings: dict[str, Any] | None = None) -> int:
        """The exit code of the one command."""
        said = self.scratch / "said.txt"
        said.unlink(missing_ok=True)
        return place.start(*self.targets, said=said, settings=settings).wait(PATIENCE)

    def windows(self) -> list[Window]:
        """The windows of an uninterrupted run, one for each state of the files, of Snakemake and of its jobs."""
        place = self.start("listed")
        begin = state(str(place.folder))
        assert self.run(place, aim(self.log, place.folder)) == 0, self.said()
        return distinct(read(self.log), begin)

    def attempts(self, stage: str, windows: Sequence[Window]) -> Iterator[Attempt]:
        """Kill at each of the windows the process alone, or all that Snakemake has started, in turn."""
        for number, window in enumerate(windows):
            place, group = self.start("killed"), bool(number % 2)
            self.run(place, aim(self.log, place.folder, window, group))
            dead = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
            if not dead:
                yield Attempt(stage, window, "none", ("it was not killed there",))
                continue
            code = self.run(place)
            faults = [f"exit code {code}: {self.said()[-1000:]}"] if code else []
            faults += differences(place.results, self.ours.results)
            yield Attempt(stage, window, "all" if group else "alone", tuple(faults))

    def said(self) -> str:
        return (self.scratch / "said.txt").read_text(encoding="utf-8", errors="replace")


def remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def take(source: Path, target: Path) -> None:
    """Let there be at `target` what there is at `source`."""
    remove(target)
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def files(place: Place) -> list[str]:
    """The files of a run, relative to its working folder."""
    return [str(path.relative_to(place.folder)) for path in place.results.rglob("*") if path.is_file()]


def inodes(place: Place, names: Iterable[str]) -> list[int | None]:
    """Which files these are: one that was replaced is another."""
    paths = [place.folder / name for name in names]
    return [path.stat().st_ino if path.exists() else None for path in paths]


def chosen(place: Place) -> list[Step]:
    """A step of each stage: the one of the masked system where there are several."""
    found: dict[str, Step] = {}
    for step in sorted(place.steps(), key=lambda step: "/ns" not in " ".join(step.arguments)):
        found.setdefault(step.stage, step)
    return [found[stage] for stage in sorted(found)]
