"""What is known of jobs without running any: queue, estimates, failures, work folders, GPUs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from tests.test_configuration import run_of
from workflow_scripts.cluster import estimate, failures, gpus
from workflow_scripts.cluster.launch import command
from workflow_scripts.cluster.queue import name_prefix, orphans_message
from workflow_scripts.cluster.queue import parse as parse_queue
from workflow_scripts.cluster.snakemake_state import Job
from workflow_scripts.errors import UserError
from workflow_scripts.run import Run
from workflow_scripts.training import work_folder
from workflow_scripts.training.course import Reached

BASELINE = Job(
    rule="baseline",
    inputs=("results/r/data/manifest.json",),
    outputs=("results/r/baseline/checkpoint.pt", "results/r/baseline/training.csv"),
    wildcards={},
    gpus=4,
    benchmark="benchmarks/r/baseline/baseline.jsonl",
    log=(),
)
DECODE = Job(
    rule="decode_2",
    inputs=("results/r/baseline/checkpoint.pt",),
    outputs=tuple(f"results/r/translations/ns/{name}" for name in ("en-de.parquet", "en-de.hyp.txt", "de-en.parquet")),
    wildcards={"system": "ns"},
    gpus=1,
    benchmark="benchmarks/r/decode/ns.2.jsonl",
    log=(),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of a small model on four GPUs, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    training = {"gpus": 4, "precision": "fp16", "max_update": 10, "tokens_per_update": 1000, "max_tokens": 250}
    model = {"dim": 8, "ffn_dim": 32, "layers": 2, "heads": 2}
    return run_of(run="r", model=model, training=training)


def test_estimates_prefer_records_then_the_stage_then_defaults(run: Run) -> None:
    assert (BASELINE.stage, DECODE.stage, DECODE.items) == ("baseline", "decode", 2)
    weights = estimate.weights_of(run)
    assert weights == 2 * 64000 * 8 + 2 * (4 * 64 + 2 * 8 * 32) + 2 * (8 * 64 + 2 * 8 * 32)
    default = estimate.estimate(BASELINE, run, {}, weights)
    assert default == estimate.Estimate(10 * 1000 * 6 * weights / (4 * estimate.FLOPS["GPU"]), "default")
    assert estimate.estimate(DECODE, run, {}, weights).seconds == 60 * 2 * estimate.MINUTES["decode"]
    alike, own = {"decode/ns.1.jsonl": [7.0, 9.0]}, {"decode/ns.2.jsonl": [7.0, 9.0]}
    assert estimate.estimate(DECODE, run, alike, weights) == estimate.Estimate(8.0, "stage")
    assert estimate.estimate(DECODE, run, own, weights) == estimate.Estimate(9.0, "record")
    assert estimate.longest_path([BASELINE, DECODE], {0: 10.0, 1: 5.0}) == 15.0


def test_an_estimate_is_for_the_updates_that_are_left(run: Run) -> None:
    work = Path(run.paths.work("baseline"))
    work.mkdir(parents=True)
    before = estimate.estimate(BASELINE, run, {}, 1000)
    (work / work_folder.STATE).write_text(json.dumps({"update": 5, "over": False}), encoding="utf-8")
    assert estimate.estimate(BASELINE, run, {}, 1000).seconds == before.seconds / 2


def test_queue_knows_the_runs_own_jobs(tmp_path: Path) -> None:
    lines = [
        f"7\tRUNNING\t1:02\t58:00\tmy-run_1b2c\trule_decode_1_wildcards_ns\t{tmp_path}",
        f"8\tPENDING\t0:00\t1:00:00\tmy-run_1b2c\trule_masks_masks\t{tmp_path}/elsewhere",
        f"9\tPENDING\t0:00\t1:00:00\tmy-run-2_77aa\trule_masks_masks\t{tmp_path}",
    ]
    (job,) = parse_queue("\n".join(lines), "my.run", tmp_path)
    assert (job.number, job.what, job.controller) == ("7", "decode_1 ns", "1b2c")
    message = orphans_message([job], "my.run")
    assert "scancel 7" in message
    assert "decode_1 ns" in message
    assert name_prefix("ä b.c_d" * 20) == ("--b-c_d" * 20)[:50]


def test_failures_are_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.log").write_text("".join(f"line {number}\n" for number in range(20)), encoding="utf-8")
    jobs = [failures.Failure("decode_1", {"system": "ns"}, ["x.parquet", "x.txt"], ["a.log"])]
    failures.write(jobs, Path("failed.json"))
    assert failures.read(Path("failed.json")) == jobs
    assert failures.read(Path("none.json")) == []
    said = failures.message(jobs, "r")
    assert "decode_1 ns" in said
    assert "x.parquet and 1 more" in said
    assert "| line 19" in said
    assert "| line 13" not in said


def test_damaged_checkpoint_is_told_from_an_intact_one(tmp_path: Path) -> None:
    for name, value in ((work_folder.PREVIOUS, 1.0), (work_folder.LAST, 2.0)):
        state = {"extra_state": {work_folder.KEY: asdict(Reached(update=int(value)))}}
        torch.save({"weight": torch.full((500,), value)} | state, tmp_path / name)
    assert work_folder.recover(tmp_path) is None
    content = bytearray((tmp_path / work_folder.LAST).read_bytes())
    middle = content.index(b"\x00\x00\x00\x40" * 8) + 9
    content[middle] ^= 1
    (tmp_path / work_folder.LAST).write_bytes(content)
    assert "goes on from checkpoint_previous.pt" in work_folder.recover(tmp_path)
    assert torch.load(tmp_path / work_folder.LAST, weights_only=True)["weight"][0] == 1
    (tmp_path / work_folder.LAST).write_bytes(b"")
    (tmp_path / work_folder.PREVIOUS).write_bytes(b"half")
    assert "starts anew" in work_folder.recover(tmp_path)
    assert not (tmp_path / work_folder.LAST).exists()


def test_continuations_are_bounded_and_must_make_progress(tmp_path: Path) -> None:
    for number, update in enumerate((0, 0, 50, 50, 50)):
        work_folder.record_start(tmp_path, str(number), update, continuations=6)
    with pytest.raises(UserError, match=r"SLURM jobs 2, 3, 4\) made no progress: all began at update 50"):
        work_folder.record_start(tmp_path, "5", 50, continuations=6)
    work_folder.record_start(tmp_path, "6", 60, continuations=6)
    work_folder.record_start(tmp_path, "7", 70, continuations=6)
    with pytest.raises(UserError, match=r"continued 6 times and is at update 80.*jobs\.continuations"):
        work_folder.record_start(tmp_path, "8", 80, continuations=6)


def test_launch_commands() -> None:
    assert command(["m", "job"], 0, 1, None)[1:] == ["-m", "m", "job"]
    assert command(["m"], 1, 1, "5")[1:] == ["-m", "m"]
    one_node = command(["m"], 4, 1, None)
    assert "--nproc-per-node=4" in one_node
    assert "--standalone" in one_node
    several = command(["m"], 4, 2, "77")
    assert several[0] == "srun"
    assert {"--nodes=2", "--ntasks=2", "--gpus-per-node=4"} <= set(several)
    with pytest.raises(UserError, match="needs SLURM"):
        command(["m"], 4, 2, None)


CLAIM = """import os
from workflow_scripts.cluster.gpus import claim
claim({})
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
input()
"""


def test_jobs_on_one_machine_claim_different_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl"):
        (tmp_path / name).touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus.present(tmp_path) == ["0", "1", "10"]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "2,5,7", "TMPDIR": str(tmp_path)}
    environment.pop("SLURM_JOB_ID", None)
    claims = []
    try:
        for count in (1, 2):
            process = subprocess.Popen(
                [sys.executable, "-c", CLAIM.format(count)],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            claims.append(process)
            assert process.stdout.readline().strip() == {1: "2", 2: "5,7"}[count]
    finally:
        for process in claims:
            process.communicate("\n")
