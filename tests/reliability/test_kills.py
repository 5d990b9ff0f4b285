"""Kills between operations on files, aimed and at random: a sample of what `evidence.kills` tries in full."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability import at_random, interposition, runs
from tests.reliability.aimed import Aim, chosen, read
from tests.reliability.at_random import Blow, Campaign
from tests.reliability.comparison import differences
from tests.reliability.forks import LIBRARIES, Forks
from tests.reliability.runs import RESULTS, Place
from workflow_scripts.files import write_text

BROKEN = "tests.reliability.broken"
TABLES = f"{RESULTS}/tables/summary.md"
SAMPLED = ("import_translations", "score", "tables")
PROGRAM = """
import os, shutil
from pathlib import Path
os.makedirs("run/sub")
with open("run/.new", "w") as file:
    file.write("1")
Path("run/.new").replace("run/new")
os.link("run/new", "run/sub/linked")
Path("run/none").unlink(missing_ok=True)
shutil.rmtree("run/sub")
with Path("run/new").open("a") as file:
    file.write("2")
open("elsewhere", "w").close()
os.rename("elsewhere", "elsewhere2")
"""
WINDOWS = [
    ("before mkdir", "run/sub"),
    ("after mkdir", "run/sub"),
    ("before replace", "run/new"),
    ("after replace", "run/new"),
    ("before link", "run/sub/linked"),
    ("after link", "run/sub/linked"),
    ("before unlink", "run/none"),
    ("after unlink", "run/none"),
    ("before unlink", "run/sub/linked"),
    ("after unlink", "run/sub/linked"),
    ("before rmdir", "run/sub"),
    ("after rmdir", "run/sub"),
    ("after open", "run/new"),
]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[Place]:
    """Two runs without models, to their tables."""
    return runs.existing(tmp_path_factory.mktemp("kills"), TABLES)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    process = Forks(LIBRARIES)
    yield process
    process.end()


def watched(folder: Path, kill: int | None) -> int:
    """The exit code of the program below in `folder`, watched by the interposition and killed at that window."""
    shutil.copy(interposition.__file__, folder / "sitecustomize.py")
    (folder / "run").mkdir()
    settings = {"folder": str(folder / "run"), "log": str(folder / "log")}
    if kill is not None:
        settings["kill"] = {"process": Path(sys.executable).name, "number": kill}
    environment = os.environ | {"PYTHONPATH": str(folder), interposition.VARIABLE: json.dumps(settings)}
    return subprocess.run([sys.executable, "-c", PROGRAM], check=False, cwd=folder, env=environment).returncode


def test_every_window_is_found_and_met(tmp_path):
    (tmp_path / "listed").mkdir()
    assert watched(tmp_path / "listed", None) == 0
    found = read(tmp_path / "listed/log")
    assert [(f"{one.moment} {one.operation}", f"run/{one.path}") for one in found] == WINDOWS
    assert [one.number for one in found] == list(range(len(WINDOWS)))
    there = {
        3: {"new", "sub"},
        5: {"linked", "new", "sub"},
        8: {"linked", "new", "sub"},
        9: {"new", "sub"},
        11: {"new"},
    }
    for number, names in there.items():
        folder = tmp_path / str(number)
        folder.mkdir()
        assert watched(folder, number) == -signal.SIGKILL
        assert {path.name for path in (folder / "run").rglob("*")} == names
        assert (folder / "run/new").read_text() == "1"


def test_a_difference_is_seen(versions, tmp_path):
    theirs, ours = (versions[0].results, versions[1].results)
    assert list(differences(ours, ours)) == []
    assert "translations/ours/en-nl.hyp.txt differs" in [*differences(ours, theirs)]
    shutil.copytree(ours, tmp_path / "copy")
    (tmp_path / "copy/tables/summary.md").unlink()
    (tmp_path / "copy/tables/.summary.here-1.tmp.md").touch()
    assert [*differences(tmp_path / "copy", ours)] == [
        "tables/summary.md is missing",
        "tables/.summary.here-1.tmp.md is left over",
    ]


@pytest.mark.parametrize("stage", SAMPLED)
def test_a_step_killed_between_two_operations_ends_as_one_that_was_not(stage, versions, forks, tmp_path):
    step = next(step for step in chosen(versions[1]) if step.stage == stage)
    one = Aim(forks, tmp_path, versions[1], versions[0], step)
    windows = one.windows
    assert len(windows) >= 8
    attempts = list(one.attempts(windows[:: len(windows) // 3]))
    assert len(attempts) >= 3
    assert not [(str(attempt.window), attempt.faults) for attempt in attempts if attempt.faults]


def test_a_step_that_vouches_before_it_writes_is_found_out(forks, tmp_path):
    places = []
    for setting in ("one", "other"):
        place = Place(tmp_path / setting)
        records = place.folder / ".snakemake/metadata"
        records.mkdir(parents=True)
        (place.folder / "code").mkdir()
        record = {
            "rule": "broken",
            "shellcmd": f"python -m {BROKEN} {setting} {RESULTS} > log",
            "starttime": 0,
            "endtime": 1,
        }
        (records / urlsafe_b64encode(f"{RESULTS}/stamp".encode()).decode()).write_text(json.dumps(record))
        for name in ("stamp", "text"):
            write_text(place.results / name, setting)
        places.append(place)
    (step,) = chosen(places[1])
    one = Aim(forks, tmp_path / "scratch", places[1], places[0], step)
    wrong = [attempt for attempt in one.attempts(one.windows) if "text differs" in attempt.faults]
    assert {(attempt.window.moment, Path(attempt.window.path).name, attempt.restart) for attempt in wrong} == {
        ("after", "stamp", "same"),
        ("before", "text", "same"),
    }


def test_a_run_killed_at_random_ends_as_one_that_was_not(versions, tmp_path):
    place = Place.new(tmp_path / "campaign", runs.EXISTING)
    shutil.copytree(versions[0].folder / "outputs", place.folder / "outputs")
    blows = [Blow("import_translations", "group", 0.1), Blow("score", "snakemake", 0.2), Blow("tables", "child", 0.1)]
    seconds = dict(at_random.usual(versions[0]))
    campaign = Campaign(place).fight(blows, seconds, versions[0], TABLES)
    assert not campaign.faults
    assert campaign.dealt
    assert campaign.starts == len(campaign.dealt) + 1
