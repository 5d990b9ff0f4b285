"""What the project uses of Snakemake beyond its documented interface; each test says what to mend if it changes."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from snakemake import cli, common
from snakemake.api import DAGApi
from snakemake.dag import DAG
from snakemake.executors import dryrun
from snakemake.persistence import PersistenceBase
from snakemake.resources import Resources
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings import types
from snakemake.settings.types import DAGSettings, GroupSettings
from snakemake.workflow import Workflow

from tests.conftest import ROOT
from workflow_scripts.batch import RECOMPUTE
from workflow_scripts.cluster import snakemake_state
from workflow_scripts.errors import UserError

CHANGED = "Snakemake has changed: mend workflow_scripts/cluster/snakemake_state.py, "
SETTINGS = inspect.getsource(types)
SCHEDULER = inspect.getsource(JobScheduler)
NEEDRUN = inspect.getsource(DAG.update_needrun)
EXECUTE = inspect.getsource(Workflow.execute)
CONFIG = str(ROOT / "config/config.yaml")


def due(folder, *arguments):
    return snakemake_state.due(["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), *arguments])


@pytest.fixture(autouse=True)
def here():
    """Snakemake goes to the folder it works in, and puts the workflow's on the path."""
    folder, path, asked = os.getcwd(), list(sys.path), os.environ.get(RECOMPUTE)
    yield
    os.chdir(folder)
    sys.path[:] = path
    os.environ.pop(RECOMPUTE, None)
    if asked is not None:
        os.environ[RECOMPUTE] = asked


def test_what_is_due_comes_as_data_with_the_run_it_is_for(tmp_path):
    found = due(tmp_path, "--configfile", CONFIG)
    assert found.run.name == "demo", CHANGED + "`due`: a workflow has no `globals`"
    assert [job.rule for job in found.left] == [job.rule for job in found.every]
    jobs = {(job.stage, *job.wildcards.values()): job for job in found.left}
    decode = jobs["decode", "ns"]
    assert decode.rule == "decode_1"
    assert decode.items == 18
    assert decode.benchmark == "benchmarks/demo/decode/ns.en-qa.jsonl"
    assert decode.log == ("logs/demo/decode/ns.en-qa.log",)
    assert "results/demo/masks/ns.parquet" in decode.inputs
    assert "results/demo/translations/ns/en-qa.hyp.txt" in decode.outputs
    assert os.environ[RECOMPUTE] == ""


def test_snakemakes_own_words_where_it_refuses(tmp_path):
    with pytest.raises(UserError, match=r"Snakemake refuses this run:(?s:.*)pairs: de-fr names language de"):
        due(tmp_path, "--configfile", CONFIG, "--config", "pairs=de-fr")
    with pytest.raises(UserError, match=r"Snakemake refuses this run:(?s:.*)gone\.yaml"):
        due(tmp_path, "--configfile", "gone.yaml")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-R", "decode"], {"decode"}),
        (["-R", "decode_1"], {"decode"}),
        (["-R", "specialize", "masks"], {"specialize", "masks"}),
        (["-F"], {"*"}),
        (["-R", "results/demo/masks/ns.parquet"], {"results/demo/masks/ns.parquet"}),
        (["-f", "results/demo/masks/ns.parquet"], {"results/demo/masks/ns.parquet"}),
    ],
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_steps_learn_what_is_to_be_made_again(tmp_path, arguments, told):
    due(tmp_path, *arguments, "--configfile", CONFIG)
    assert set(os.environ[RECOMPUTE].split("\n")) == told, CHANGED + "`tell_due`"


def test_a_stage_among_forced_rules_means_its_batches():
    rules = ["decode_1", "decode_2", "masks", "score_1"]
    settings = snakemake_state.with_batches(DAGSettings(forcerun=frozenset({"decode", "masks", "a/file"})), rules)
    assert settings.forcerun == {"decode_1", "decode_2", "masks", "a/file"}
    assert snakemake_state.forced(settings, rules) == ["a/file", "decode", "masks"]


def test_a_batch_gets_what_the_profile_says_of_its_stage():
    parsed = {"decode": Resources.from_mapping({"gpu": 1}), "decode_2": Resources.from_mapping({"gpu": 2})}
    settings = SimpleNamespace(_parsed_overwrite_resources=parsed, _parsed_overwrite_threads={"decode": 3})
    workflow = SimpleNamespace(resource_settings=settings)
    assert [snakemake_state.rule_of(workflow, "decode", number) for number in (1, 2)] == ["decode_1", "decode_2"]
    assert parsed["decode_1"] is parsed["decode"]
    assert parsed["decode_2"] is not parsed["decode"]
    assert settings._parsed_overwrite_threads["decode_1"] == 3
    groups = snakemake_state.with_groups(
        GroupSettings(overwrite_groups={"decode": "late", "decode_2": "own", "masks": "masks"}),
        ["decode_1", "decode_2", "masks", "score_1"],
    ).overwrite_groups
    assert groups == {"decode": "late", "decode_1": "late", "decode_2": "own", "masks": "masks"}


@pytest.mark.parametrize(
    ("what", "there"),
    [
        ("`due`: cli.parse_args and cli.args_to_api", {"parse_args", "args_to_api"} <= set(dir(cli))),
        ("`_run_unrecorded`: two questions", {"has_metadata", "params_changed"} <= set(dir(PersistenceBase))),
        ("`_run_unrecorded`: asked in turn", "elif self.workflow.persistence.has_outdated_metadata(job)" in NEEDRUN),
        ("`_keep_signatures`", {"FUNC_OVERWRITE_PARAMS_ATTR", "overwrite_function_params"} <= set(dir(common))),
        ("`spare_unseen`: the dry run's Executor", "printjob" in vars(dryrun.Executor)),
        ("`due`: the silence that ends a dry run", "== {Quietness.RULES, Quietness.PROGRESS}" in EXECUTE),
        ("`due`: DAGApi.execute_workflow", "execute_workflow" in dir(DAGApi)),
        ("`due`: WorkflowApi._workflow", "_workflow" in inspect.getsource(DAGApi.execute_workflow)),
        ("`tell_due`: Workflow._prepare_dag", "_prepare_dag" in EXECUTE),
        ("`tell_due`: Workflow.dag_settings", "self.dag_settings" in EXECUTE),
        ("`is_main`: Workflow.is_main_process", hasattr(Workflow, "is_main_process")),
        ("`limit_gpus`: Workflow.register_resource", hasattr(Workflow, "register_resource")),
        ("`limit_gpus`: Workflow.global_resources", "global_resources" in inspect.getsource(Workflow)),
        ("`rule_of`: ResourceSettings", "_parsed_overwrite_resources" in SETTINGS),
        ("`name_jobs`: JobScheduler._executor", "_executor" in SCHEDULER),
        (
            "snakemake_order.py: what it asks the DAG",
            {"_ready", "update_ready", "needrun_jobs", "finished", "bfs"} <= set(dir(DAG)),
        ),
        (
            "snakemake_order.py: DAG.update_ready asks DAG._ready",
            "self._ready(job)" in inspect.getsource(DAG.update_ready),
        ),
        ("snakemake_order.py: who ends asks anew", "self.update_ready(depending)" in inspect.getsource(DAG.finish)),
        ("`failed`: JobScheduler.failed", "self.failed" in SCHEDULER),
    ],
)
def test_what_is_used_is_still_there(what, there):
    assert there, CHANGED + what


def dry(folder, *arguments):
    """What a dry run prints."""
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", str(ROOT / "Snakefile"), "--directory", folder]
    done = subprocess.run([*command, "--configfile", CONFIG, *arguments], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_a_dry_run_shows_the_jobs_to_who_wants_to_see_them_and_the_same_reasons(tmp_path):
    asked = dry(tmp_path, "--quiet", "host")
    assert "rule masks:" in asked, CHANGED + "`spare_unseen`"
    silent = dry(tmp_path)
    assert "rule masks:" not in silent
    for part in ("Job stats:", "Reasons:"):
        assert part in silent
    reasons = [
        text[text.index("Reasons:") :].replace("(check individual jobs above for details)", "")
        for text in (asked, silent)
    ]
    assert reasons[0] == reasons[1]


def test_nothing_else_of_the_package_imports_snakemake():
    users = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "workflow_scripts").rglob("*.py")
        if "import snakemake" in (text := path.read_text(encoding="utf-8")) or "from snakemake" in text
    ]
    assert users == ["workflow_scripts/cluster/snakemake_state.py"]
