"""How far a run is said to be."""

from __future__ import annotations

import json
from pathlib import Path

from tests.test_configuration import run_of
from workflow_scripts.cluster.snakemake_state import Job
from workflow_scripts.tools.status import trainings
from workflow_scripts.training import work_folder


def baseline() -> Job:
    return Job("baseline", (), ("results/test/baseline/checkpoint.pt",), {}, 0, "", ())


def test_a_training_under_way_is_told_by_what_it_logged_and_saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = run_of(training={"max_update": 1000})
    assert trainings(run, [baseline()]) == []
    work = Path(run.paths.work("baseline"))
    work.mkdir(parents=True)
    (work / work_folder.STATE).write_text(json.dumps({"update": 100, "over": False}))
    rows = [{"update": 150, "split": "train", "ups": 2.5}, {"update": 200, "split": "valid"}]
    logged = "\n".join(map(json.dumps, rows))
    # The process that appends can be at work, or have been killed, in the middle of a line.
    (work / work_folder.LOGGED).write_text(logged + '\n{"update": 25')
    assert trainings(run, [baseline()]) == [
        "  baseline: update 200 of 1,000 (saved: 100), 5 min 20 s at most at 2.5 updates/s"
    ]
