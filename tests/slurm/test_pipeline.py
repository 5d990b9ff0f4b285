"""The whole pipeline in SLURM, with everything that clusters do to it, ends as it does on one machine.

The tests are steps of one story and run in order, in one folder; another run of the same goes on without SLURM, and
trainings that outlive their jobs go on meanwhile (see `continuation`).
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.slurm.conftest import Record, Site, wait_for
from tests.slurm.continuation import cut_off_and_compare

pytestmark = pytest.mark.slurm
TINY = ("--configfile", "tests/slurm/tiny.yaml")
SLURM = ("--profile", "slurm", "all", *TINY)
# A first attempt that the step cannot live with.
TOO_LITTLE = {
    "memory": "    mem_mb: attempt * 24000\n|    mem_mb: 250 * 6 ** (attempt - 1)\n",
    "others": "decode: *model|decode: {slurm_partition: gpu, gpu: 1, mem_mb: 24000, cpus_per_task: 4, runtime: 120}",
}
GPU_STAGES = ("baseline", "record_1", "specialize", "decode_1")
SAME = ("data/**/*", "activations/*", "masks/*", "translations/*/*", "scores/*/*", "tables/*", "*/checkpoint.pt")


@pytest.fixture(scope="module")
def local(new_site: Callable[..., Site]) -> Future[Site]:
    """The same run on one machine, under way."""
    site = new_site("local")

    def run() -> Site:
        code, said = site.run("all", *TINY, "--resources", "gpu=1")
        assert code == 0, said[-3000:]
        return site

    with ThreadPoolExecutor(2) as pool:
        yield pool.submit(run)


@pytest.fixture(scope="module")
def continuation(local: Future[Site], new_site: Callable[..., Site]) -> Iterator[Future[dict[str, object]]]:
    """A training cut off by its time limit and by preemption, under way; see its module."""
    # SLURM looks every 30 s: a turn is warned 70 to 100 s after its start, and would be ended after 120 to 150.
    site = new_site("limits", time="runtime: 1440|runtime: 2", warning="USR1@600|USR1@20")
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(lambda: cut_off_and_compare(local.result(), site))


@pytest.fixture(scope="module")
def site(new_site: Callable[..., Site], local: Future[Site], continuation: Future) -> Site:
    return new_site("site", **TOO_LITTLE)


def test_ctrl_c_leaves_no_job_and_no_lock(site: Site) -> None:
    process = site.start(*SLURM)
    wait_for(lambda: [job for job in site.queue() if job.state == "RUNNING"], "the data stage runs")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    wait_for(lambda: not site.queue(), "its jobs are cancelled")
    assert not list((site.folder / ".snakemake/locks").glob("*"))


def test_after_sigkill_orphans_are_reported_not_run_twice(site: Site) -> None:
    process = site.start(*SLURM)
    wait_for(lambda: [job for job in site.jobs("baseline") if job.state == "RUNNING"], "the baseline is trained")
    process.kill()
    process.wait()
    (orphan,) = site.jobs("baseline")
    # It would be over before Snakemake has looked; a longer training would not.
    subprocess.run(["scontrol", "suspend", orphan.number], check=True)
    code, said = site.run(*SLURM)
    assert code != 0
    assert "its lock of this folder is removed" in said
    assert [job.number for job in site.jobs("baseline")] == [orphan.number]
    # Others may have been in the queue beside it.
    (ended,) = [line for line in said.splitlines() if "scancel" in line]
    assert orphan.number in ended.split()
    assert "orphans --run tiny --wait" in said
    subprocess.run(["scontrol", "resume", orphan.number], check=True)
    waited = site.module("workflow_scripts.tools.orphans", "--run", "tiny", "--wait", "--interval", "1")
    assert waited.returncode == 0, waited.stderr
    assert not site.queue()
    assert (site.folder / "results/tiny/baseline/checkpoint.pt").exists()


def test_the_run_is_resumed_and_ends_in_the_table(site: Site) -> None:
    code, said = site.run(*SLURM)
    assert code == 0, said[-3000:]
    assert "BLEU" in (site.folder / "results/tiny/tables/summary.csv").read_text(encoding="utf-8")


def test_every_stage_went_through_slurm_and_gpu_stages_asked_for_gpus(site: Site) -> None:
    done = [job for job in site.jobs() if job.state == "COMPLETED"]
    stages = {job.what.split(" ")[0]: job for job in done}
    in_groups = {
        "make_text",
        "check_text",
        "clean",
        "sentencepiece",
        "binarize",
        "identifier",
        "ceiling",
        "masks",
        "tables",
        "figures",
        "report",
    }
    assert any("clean" in name for name in stages), sorted(stages)
    # The name of a large group is cut, so the logs say what ran; nothing runs outside of SLURM here.
    for rule in in_groups:
        assert [*(site.folder / "logs/tiny").glob(f"{rule}*")], f"{rule} did not run"
    # Those of a batch share the job of their stage's group.
    assert not {"overlap_1", "figures_masks_1", "significance_means_1"} & set(stages)
    assert {*GPU_STAGES, "score_1", "off_target_1", "significance_1"} <= set(stages)
    assert {job.what for job in done} >= {"decode_1 baseline", "decode_1 ns", "specialize ns", "score_1 ns"}
    for name, job in stages.items():
        wanted = (1, "gpu") if name in GPU_STAGES else (0, "cpu")
        assert (job.gpus, job.fields["Partition"]) == wanted, job.fields
        assert job.fields["JobName"].startswith("tiny_")


def test_job_killed_for_memory_came_back_with_more(site: Site) -> None:
    first, second, *_ = site.jobs("record_1")
    assert first.state in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    log = next((site.folder / ".snakemake/slurm_logs/rule_record_1").rglob(f"{first.number}.log"))
    assert "exceeded memory limit" in log.read_text(encoding="utf-8")
    assert second.state == "COMPLETED"
    assert second.memory > first.memory


def test_results_equal_those_of_one_machine(site: Site, local: Future[Site]) -> None:
    here, there = local.result().folder / "results/tiny", site.folder / "results/tiny"
    files = [path.relative_to(here) for pattern in SAME for path in here.glob(pattern) if path.is_file()]
    files += [path.relative_to(here) for path in here.glob("systems/*/checkpoint.pt")]
    files.remove(Path("tables/costs.csv"))  # which has seconds
    assert len(files) > 40
    assert [str(name) for name in files if (here / name).read_bytes() != (there / name).read_bytes()] == []


def test_one_failure_leaves_the_rest_finished_and_a_summary(site: Site) -> None:
    (site.folder / "broken.pt").write_bytes(b"not a checkpoint")
    config = (site.folder / "tests/slurm/tiny.yaml").read_text(encoding="utf-8")
    (site.folder / "broken.yaml").write_text(config + "  broken: {checkpoint: {path: broken.pt}}\n", encoding="utf-8")
    shutil.rmtree(site.folder / "results/tiny/scores/ns")
    arguments = ("--profile", "slurm", "all", "--configfile", "broken.yaml")
    code, said = site.run(*arguments, "--retries", "0", log="broken.txt")
    assert code != 0
    assert "is not complete: 1 job(s) failed" in said
    assert "given_system broken" in said
    assert "broken.pt" in said.split("ends with:")[1]
    assert list((site.folder / "results/tiny/scores/ns").glob("*.json"))
    status = site.module("workflow_scripts.tools.status", *arguments)
    assert status.returncode == 0, status.stderr
    assert "given_system broken: see logs/tiny/given_system/broken.log" in status.stdout
    assert "decode                     2 of 3    done" in status.stdout


def test_training_outlives_its_jobs(continuation: Future[dict[str, object]]) -> None:
    found = continuation.result()
    jobs: list[Record] = found["jobs"]
    starts: list[int] = found["starts"]
    # One SLURM job came back by itself: neither an attempt nor a failure of Snakemake's.
    assert len({job.number for job in jobs}) == found["controllers"]
    assert int(jobs[0].fields["Restarts"]) >= 3
    assert starts == sorted(set(starts)), "every turn made progress and kept it"
    assert found["updates"] == found["reference_updates"]
    assert found["masks"] == found["reference_masks"]
    assert found["loss"] == pytest.approx(found["reference_loss"], abs=1e-4)
    assert found["largest_difference"] <= 1e-4


def test_training_on_two_nodes_is_the_training_on_one(site: Site) -> None:
    """One GPU on each of two nodes, half as much accumulated: the same loss."""
    text = (site.folder / "tests/slurm/tiny.yaml").read_text(encoding="utf-8")
    calm = text.replace("gpus: 1}", "gpus: 1, nodes: NODES, dropout: 0, attention_dropout: 0}")
    losses = {}
    for nodes in (1, 2):
        run = f"nodes{nodes}"
        config = site.folder / f"{run}.yaml"
        content = calm.replace("NODES", str(nodes)).replace("tokens_per_update: 400", "tokens_per_update: 800")
        config.write_text(content.replace("run: tiny", f"run: {run}"), encoding="utf-8")
        shutil.copytree(site.folder / "results/tiny/data", site.folder / f"results/{run}/data")
        where = ("--profile", "slurm") if nodes == 2 else ("--resources", "gpu=1")
        arguments = (f"results/{run}/baseline/checkpoint.pt", *where, "--configfile", str(config))
        code, said = site.run(*arguments, "--rerun-triggers", "mtime", "--retries", "0", log="nodes.txt")
        assert code == 0, said[-3000:]
        rows = (site.folder / f"results/{run}/baseline/training.csv").read_text(encoding="utf-8").splitlines()
        losses[nodes] = float(rows[-1].split(",")[2])
    job = site.jobs("baseline")[-1]
    assert (job.fields["NumNodes"], job.gpus) == ("2", 2)
    log = (site.folder / "logs/nodes2/baseline/baseline.log").read_text(encoding="utf-8")
    assert "400 tokens × 1 accumulated × 2 processes per update" in log
    assert losses[2] == pytest.approx(losses[1], abs=2e-3)


def test_doctor_finds_the_profile_at_fault(site: Site) -> None:
    asked = site.module("workflow_scripts.tools.doctor")
    assert "ok    partition gpu" in asked.stdout
    site.profile(partition="slurm_partition: gpu|slurm_partition: a100")
    asked = site.module("workflow_scripts.tools.doctor")
    assert asked.returncode == 1
    assert "FIX   partition a100 (for baseline, specialize, record, decode" in asked.stdout
    assert "to one of cpu, gpu" in asked.stdout


def test_plan_takes_the_records_of_the_run(site: Site) -> None:
    for folder in ("translations", "scores", "tables"):
        shutil.rmtree(site.folder / "results/tiny" / folder)
    recorded = site.folder / "benchmarks/tiny/decode/ns.en-qa.jsonl"
    seconds = json.loads(recorded.read_text(encoding="utf-8").splitlines()[-1])["s"]
    planned = site.module("workflow_scripts.tools.plan", *SLURM)
    assert planned.returncode == 0, planned.stderr
    (decode,) = (line for line in planned.stdout.splitlines() if line.startswith("decode"))
    assert decode.split()[1:3] == ["2", "1"]
    assert not decode.endswith("*")
    assert float(decode.split()[3]) == pytest.approx(2 * seconds / 3600, abs=0.06)
