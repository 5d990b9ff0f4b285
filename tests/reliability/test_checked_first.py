"""All that a run is given is looked at before anything is trained, and no training becomes stale by it."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tests.conftest import MODEL, ROOT, TinyRun, write_counts
from workflow_scripts import readiness
from workflow_scripts.cluster import snakemake_state
from workflow_scripts.formats.checkpoint import read_raw

CONFIG: dict[str, Any] = {
    "run": "first",
    "languages": {"table": "languages.tsv", "codes": ["en", "qa", "qe", "xi"]},
    "data": {"source": "databin", "databin": {"path": "databin"}, "sentencepiece": {"model": "pieces.model"}},
    "model": {"layers": MODEL["layers"], "dim": 16, "ffn_dim": MODEL["ffn_dim"], "heads": 2},
    "training": {"max_update": 4, "max_tokens": 400, "tokens_per_update": 400},
    "systems": {
        "baseline": {},
        "ns": {"masks": {"select": "cumulative", "k": 90, "activations": "counts"}},
        "released": {"checkpoint": {"path": "released.pt"}},
        "elsewhere": {"translations": "elsewhere"},
    },
    "test_sets": {"news": "news"},
    "score": {"published": "published.csv", "metrics": ["bleu", "spbleu"], "spbleu": "pieces.model"},
}
READ_WITH_THE_CONFIGURATION = {"languages.tsv", "published.csv"}


def counts(folder: Path, pair: str, width: int = MODEL["ffn_dim"]) -> None:
    layers = [(part, number) for part in ("encoder", "decoder") for number in range(MODEL["layers"])]
    write_counts(
        folder / f"counts/{pair}.parquet", {layer: np.arange(1, width + 1) for layer in layers}, {"pair": pair}
    )


@pytest.fixture
def given(tiny_run: TinyRun, tmp_path: Path) -> Path:
    """A folder with all that the configuration names, sound."""
    data = tiny_run.manifest.parent
    for part in ("bin", "tests/test/bin"):
        shutil.copytree(data / part, tmp_path / "databin", dirs_exist_ok=True)
    shutil.copy(tiny_run.folder / "languages.tsv", tmp_path)
    shutil.copy(data / "sentencepiece.model", tmp_path / "pieces.model")
    shutil.copy(tiny_run.checkpoint, tmp_path / "released.pt")
    (tmp_path / "published.csv").write_text("system,pair,metric,score\nns,en-qa,BLEU,1.5\n", encoding="utf-8")
    (tmp_path / "elsewhere/en-qa").mkdir(parents=True)
    (tmp_path / "news").mkdir()
    for role, code in (("src", "en"), ("ref", "qa"), ("hyp", "qa")):
        shutil.copy(data / f"raw/test.en-qa.{code}", tmp_path / f"elsewhere/en-qa/{role}.txt")
        shutil.copy(data / f"raw/test.en-qa.{code}", tmp_path / f"news/test.en-qa.{code}")
    for pair in tiny_run.directions:
        counts(tmp_path, pair)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    return tmp_path


@pytest.fixture
def planned() -> Callable[[Path], snakemake_state.Due]:
    """`planned(folder)`: what there is to do; Snakemake goes to the folder it works in."""
    here, path = os.getcwd(), list(sys.path)
    yield lambda folder: snakemake_state.due(
        [
            "--snakefile",
            str(ROOT / "Snakefile"),
            "--directory",
            str(folder),
            "--configfile",
            str(folder / "config.yaml"),
        ]
    )
    os.chdir(here)
    sys.path[:] = path


def test_no_given_file_is_read_for_the_first_time_after_a_training(given, planned):
    jobs = planned(given).every
    makers = {path: job for job in jobs for path in job.outputs}

    def before(job: snakemake_state.Job) -> set[int]:
        found, waiting = set(), [job]
        while waiting:
            if id(here := waiting.pop()) not in found:
                found.add(id(here))
                waiting += [maker for path in here.inputs if (maker := makers.get(path))]
        return found

    trainings = [job for job in jobs if job.stage in readiness.TRAININGS]
    assert {job.stage for job in trainings} == set(readiness.TRAININGS)
    always = set.intersection(*map(before, trainings))
    first = set().union(*(before(job) for job in jobs if job.stage in readiness.FIRST))
    # None of those that are waited for waits for a training.
    assert not first & {id(job) for job in trainings}
    looked_at = {path for job in jobs if id(job) in always | first for path in job.inputs} | READ_WITH_THE_CONFIGURATION
    foreign = {path for job in jobs for path in job.inputs if path not in makers}
    assert foreign
    assert foreign <= looked_at


def test_all_that_is_wrong_is_told_before_a_training_begins(given):
    raw = read_raw(given / "released.pt")
    raw["model"]["decoder.layers.0.fc2.weight"][0, 0] = torch.nan
    torch.save(raw, given / "released.pt")
    counts(given, "qa-en", MODEL["ffn_dim"] + 1)
    lines = (given / "elsewhere/en-qa/hyp.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    for role in ("hyp", "ref", "src"):
        path = given / f"elsewhere/en-qa/{role}.txt"
        path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    (given / "news/test.en-qa.en").write_text("a\n\n", encoding="utf-8")
    config = copy.deepcopy(CONFIG)
    config["score"] = {"metrics": ["bleu"]}
    (given / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(given)),
            *("--cores", "2", "--keep-going", "--configfile", str(given / "config.yaml")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    for words in (
        "released.pt: decoder.layers.0.fc2.weight has 1 of",
        "qa-en has other layers than en-qa",
        f"elsewhere/en-qa has {len(lines) - 1} translations, the run's test set {len(lines)} lines",
        "test.en-qa.en, line 2: is empty",
    ):
        assert words in said
    assert "Traceback" not in said
    assert not (given / "logs/first/baseline").exists()
    # What neither is a training nor fails is done all the same.
    assert (given / "results/first/data/manifest.json").exists()
