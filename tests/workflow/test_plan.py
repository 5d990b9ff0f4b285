"""What would run, without running it; what is refused; style of the rules."""

from __future__ import annotations

import copy
import itertools
import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.workflow.conftest import SMALL, Flow

EC30 = {
    "fetch_databin": 1,
    "link_databin": 1,
    # Sixty directions in four jobs of fifteen.
    "record": 4,
    "tables": 1,
    "figures_scores": 1,
    "report": 1,
    "all": 1,
}


def counts(jobs: dict[str, int], *stages: str) -> dict[str, int]:
    return {stage: jobs.get(stage, 0) for stage in stages}


def test_the_papers_run_has_exactly_its_jobs_and_fetches_nothing_to_say_so(tmp_path):
    jobs = Flow(tmp_path).plan(config=ROOT / "config/ec30.yaml")
    assert counts(jobs, *EC30) == EC30
    # Four systems, three of them trained from the baseline, two with masks; three are tested against each of two.
    systems = {"baseline": 1, "specialize": 3, "masks": 2, "decode": 4 * 4, "score": 4 * 4}
    systems |= {"score_comet": 4 * 4, "significance": 2 * 3 * 4, "significance_means": 2 * 3}
    assert counts(jobs, *systems) == systems
    assert jobs["total"] == sum(jobs.values()) - jobs["total"]
    assert os.listdir(tmp_path) == [".snakemake"]


def test_the_released_models_are_decoded_without_training(tmp_path):
    jobs = Flow(tmp_path).plan(config=ROOT / "config/ec30-released.yaml")
    assert counts(jobs, *EC30) == EC30
    systems = {
        "given_baseline": 1,
        "given_system": 1,
        "masks": 1,
        "decode": 2 * 4,
        "score": 2 * 4,
        "score_comet": 2 * 4,
    }
    assert counts(jobs, *systems) == systems
    assert not counts(jobs, "baseline", "specialize")["baseline"]
    assert not counts(jobs, "baseline", "specialize")["specialize"]


@pytest.mark.parametrize("name", ["nllb", "m2m100"])
def test_pretrained_models_are_planned_without_being_there(tmp_path, name):
    for pair in (f"en-{code}" for code in ("nl", "da", "es", "pt", "ru", "uk")):
        for split, code in itertools.product(("train", "valid", "test"), pair.split("-")):
            (tmp_path / f"{split}.{pair}.{code}").write_text("a\n", encoding="utf-8")
    jobs = Flow(tmp_path).plan("--config", f"text={tmp_path}", config=ROOT / f"config/{name}.yaml")
    wanted = {"fetch_pretrained": 1, "pretrained_vocabulary": 1, "given_baseline": 1, "masks": 2, "specialize": 3}
    assert counts(jobs, *wanted, "sentencepiece_model", "baseline") == {
        **wanted,
        "sentencepiece_model": 0,
        "baseline": 0,
    }


def test_translations_from_elsewhere_are_only_scored(flow):
    """Without data there is no baseline, neither trained nor given."""
    run = flow(
        {
            "run": "theirs",
            "outputs": "outputs",
            "languages": {"table": "config/languages/ec30.tsv"},
            "data": {"source": "none"},
            "systems": {"theirs": {"translations": "theirs"}, "ours": {"translations": "ours"}},
            "score": {"against": "theirs"},
        }
    )
    for system in ("theirs", "ours"):
        for role in ("hyp", "ref", "src"):
            file = run.folder / f"outputs/{system}/en-nl/{role}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("ja\n")
    wanted = {"import_translations": 2, "score": 2, "significance": 1, "significance_means": 1, "tables": 1}
    assert run.plan() == wanted | {"figures_scores": 1, "report": 1, "all": 1, "total": 10}


def test_the_default_run_has_every_stage(tmp_path):
    jobs = Flow(tmp_path).plan(config=ROOT / "config/config.yaml")
    stages = {"make_text": 1, "check_text": 1, "clean": 9, "sentencepiece_model": 1, "binarize": 1, "baseline": 1}
    stages |= {"masks": 2, "specialize": 3, "tables": 1, "report": 1}
    assert counts(jobs, *stages) == stages
    # As many batches of eighteen directions for every system.
    assert jobs["decode"] == jobs["score"] == 4 * jobs["record"]


def test_masks_without_training_take_no_training_job(flow):
    small = copy.deepcopy(SMALL)
    small["systems"]["untrained"] = {**small["systems"]["ns"], "training": {"max_update": 0}}
    jobs = flow(small).plan()
    wanted = {"baseline": 1, "masks": 3, "specialize": 2, "decode": 4, "overlap": 3, "figures_training": 1}
    assert counts(jobs, *wanted) == wanted


CROSSED = {"crossed": 0, "crossed_scores": 0, "figures_crossed": 0}


def test_crossed_masks_are_planned_where_they_are_asked_for(flow):
    small = copy.deepcopy(SMALL)
    before = flow(small).plan()
    assert counts(before, *CROSSED) == CROSSED
    small["report"] = {"crossed": ["ns", "random"]}
    jobs = flow(small).plan()
    # What is decoded without masks serves both.
    assert counts(jobs, *CROSSED) == {"crossed": 1 + 2, "crossed_scores": 2, "figures_crossed": 2}
    assert jobs["total"] == before["total"] + 7
    small["jobs"] = {"directions_per_job": 3}
    assert flow(small).plan()["crossed"] == 1 + 2 * 2
    small["report"] = {"crossed": ["baseline"]}
    assert "report.crossed: baseline is no system with masks (there are: ns, random)" in refusal(flow, small)


def test_one_direction_asked_for_by_its_file_is_little_work(flow):
    jobs = flow(SMALL).plan("results/small/translations/ns/en-qa.parquet")
    wanted = {"baseline": 1, "record": 1, "masks": 1, "specialize": 1, "decode": 1, "score": 0, "tables": 0, "all": 0}
    assert counts(jobs, *wanted) == wanted


def test_a_selection_of_pairs_restricts_decoding_not_training(flow):
    many = copy.deepcopy(SMALL) | {"jobs": {"directions_per_job": 1}}
    jobs = flow(many).plan("--config", "pairs=en-qa,qe-en")
    # All four directions are recorded, two are decoded with each of three systems.
    assert counts(jobs, "record", "decode", "score", "clean") == {"record": 4, "decode": 6, "score": 6, "clean": 2}


def refusal(flow, config, *arguments) -> str:
    code, said = flow(config).snakemake("--dry-run", *arguments)
    assert code != 0
    assert "Traceback" not in said
    return said


def changed(**changes) -> dict:
    return copy.deepcopy(SMALL) | changes


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed(batch_size=3), "unknown key batch_size; known keys are"),
        (changed(training={"epochs": 3}), "training: unknown key epochs; known keys are"),
        (changed(systems={"ns": {"masks": {"select": "cumulative", "k": 0}}}), "systems.ns.masks.k: 0 "),
        (changed(languages={**SMALL["languages"], "codes": ["en", "qq"]}), "languages.codes: qq has no row in"),
        (changed(languages={"table": "gone.tsv"}), "gone.tsv does not exist: set languages.table"),
        (changed(pairs="en-xi"), "pairs: en-xi names language xi"),
        (
            changed(systems={"random": {"masks": {"select": "random", "like": "ns"}}}),
            "systems.random.masks.like: there is no system ns",
        ),
        (changed(data={"source": "text"}), "data.source is text: say which folder"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(flow, config, message):
    assert message in refusal(flow, config)


def test_a_checkpoint_that_is_not_there_is_refused_before_anything_runs(flow):
    said = refusal(flow, changed(baseline={"checkpoint": {"path": "gone.pt"}}))
    assert "gone.pt" in said


# Programs come from one locked environment; and commands are told the folder they write their many files to.
# All steps share one environment, locked in envs/ and made by `make`.
KNOWN_REMARKS = {"Specify a conda environment or container for each rule."}


def test_rules_are_lint_free():
    command = [sys.executable, "-m", "snakemake", "--lint", "--snakefile", str(ROOT / "Snakefile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    remarks = set(re.findall(r"^    \* (.*):$", done.stdout + done.stderr, re.MULTILINE))
    assert remarks == KNOWN_REMARKS


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["snakefmt", "--check", "Snakefile", "rules"],
    ],
    ids=" ".join,
)
def test_style(command):
    program = os.path.join(os.path.dirname(sys.executable), command[0])
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reference_of_keys_is_the_schemas(tmp_path, command):
    command("config_reference", ROOT / "config/schema.yaml", "--output", tmp_path / "README.md").ok()
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == (ROOT / "config/README.md").read_text(
        encoding="utf-8"
    )
