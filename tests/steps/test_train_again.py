"""A training that is asked for again: what is left as it is, what is said, what is published anew, what is repeated.

The training is a real one, finished once; that a further one would begin is told by the launch of its process.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.conftest import DIRECTIONS, MODEL, TRAINING, Result, TinyRun
from tests.training.killing import Killed, killed_at
from workflow_scripts import batch
from workflow_scripts.formats import checkpoint
from workflow_scripts.steps import train
from workflow_scripts.training import provenance, work_folder

BEGINS = 99
"""Exit code by which a test sees that training would begin."""


@dataclass
class Again:
    """The tiny run's baseline, copied with its work folder, and the command that made it."""

    folder: Path
    manifest: Path
    original: Path
    command: Callable[..., Result]

    @property
    def published(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def curve(self) -> Path:
        return self.folder / "training.csv"

    @property
    def work(self) -> Path:
        return self.folder / "run"

    def run(self, *arguments: object, pairs: str = ",".join(DIRECTIONS), **training: object) -> Result:
        return self.command(
            *("train", "--name", "baseline", "--data", self.manifest, "--pairs", pairs, "--model", json.dumps(MODEL)),
            *("--training", json.dumps(TRAINING | training), "--work", self.work, "--output", self.published),
            *arguments,
        )

    def begins(self, *arguments: object, **changes: object) -> str:
        """What is said before a training that begins, with everything published still in place."""
        result = self.run(*arguments, **changes)
        assert result.code == BEGINS, result.out + result.err
        return result.out

    def stays(self, *arguments: object, **changes: object) -> str:
        """What is said of a training that is left as it is, with a new time."""
        before = self.published.read_bytes(), self.curve.read_bytes(), self.published.stat().st_mtime_ns
        said = self.run(*arguments, **changes).ok().out
        assert (self.published.read_bytes(), self.curve.read_bytes()) == before[:2]
        assert self.published.stat().st_mtime_ns > before[2]
        return said


@pytest.fixture
def again(tiny_run: TinyRun, command, monkeypatch, tmp_path) -> Again:
    shutil.copytree(tiny_run.folder / "baseline", tmp_path / "baseline")
    monkeypatch.setattr(train, "launch", lambda *_: BEGINS)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv(batch.RECOMPUTE, raising=False)
    original = tiny_run.folder / "baseline/run" / work_folder.LAST
    return Again(tmp_path / "baseline", tiny_run.manifest, original, command)


@pytest.fixture
def other_code(monkeypatch) -> Callable[[str], None]:
    """Let the code that trains be another, from now on."""

    def change(name: str) -> None:
        for module in (batch, provenance):
            monkeypatch.setattr(module, "step_digest", lambda step, *registered: name * 64)

    return change


def test_what_is_current_is_left_whether_or_not_its_work_folder_is_there(again):
    assert "[baseline] current" in again.stays()
    shutil.rmtree(again.work)
    assert "[baseline] current" in again.stays()
    assert not again.work.exists()


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("changes", [{"gpus": 3}, {"workers": 5}, {"nodes": 2}, {"--continuations": 1}], ids=str)
def test_where_and_how_fast_it_is_computed_repeats_nothing(again, changes, there):
    if not there:
        shutil.rmtree(again.work)
    options = [word for key, value in changes.items() if key.startswith("--") for word in (key, value)]
    assert "current" in again.stays(*options, **{k: v for k, v in changes.items() if not k.startswith("--")})
    assert "current" in again.stays("--resources", json.dumps({"gpus": 2, "nodes": 1, "workers": 3}))


def test_what_a_kill_has_left_of_a_folder_that_was_being_removed_goes(again):
    gone = again.work.with_name(".run.gone")
    shutil.copytree(again.work, gone)
    assert "current" in again.stays()
    assert not gone.exists()


def test_other_validations_that_choose_nothing_repeat_nothing(again):
    assert "current" in again.stays(validate_every=3)
    assert provenance.standing(again.published, again.curve, {}) is provenance.Standing.OTHER_CODE


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"lr": 0.01}, "training.lr"),
        ({"seed": 1, "dropout": 0.2}, "training.dropout, training.seed"),
        ({"pairs": "en-qa,qa-en"}, "pairs"),
    ],
    ids=str,
)
def test_other_settings_begin_anew_and_are_named(again, changes, keys):
    assert f"[baseline] the settings have changed ({keys}), so training starts anew" in again.begins(**changes)
    assert not list(again.work.glob("*.pt"))
    assert again.published.exists()


def test_other_data_begins_anew(again, tmp_path):
    content = json.loads(again.manifest.read_text(encoding="utf-8"))
    folder = again.manifest.parent
    places = {key: str(folder / content[key]) for key in ("dictionary", "sentencepiece")}
    content |= places | {"shards": [str(folder / shard) for shard in content["shards"]], "fingerprint": "f" * 64}
    again.manifest = tmp_path / "manifest.json"
    again.manifest.write_text(json.dumps(content), encoding="utf-8")
    assert "the settings have changed (data), so training starts anew" in again.begins()


def test_a_later_end_goes_on_and_an_earlier_one_begins_anew(again):
    assert "anew" not in again.begins(max_update=12)
    assert work_folder.read_state(again.work / work_folder.LAST).update == 8
    assert "update 8 was reached and only 4 are asked for, so training starts anew" in again.begins(max_update=4)


def test_which_weights_are_kept_is_published_without_training(again):
    kept = torch.load(again.work / work_folder.LAST, weights_only=True)["model"]
    assert again.run(keep="best").code == 0
    made = provenance.read(again.published)
    assert (made["keep"], made["validate_every"]) == ("best", 4)
    best = min(made["validations"], key=lambda one: one[1])[0]
    assert made["update"] == best
    assert "current" in again.stays(keep="best")
    again.run().ok()
    assert provenance.read(again.published)["update"] == 8
    assert checkpoint.weights_digest(kept) == provenance.read(again.published)["weights_sha256"]


def test_other_code_is_said_and_repeats_only_what_is_asked_for_and_once(again, other_code):
    assert not provenance.is_stale(again.published)
    other_code("a")
    assert provenance.is_stale(again.published)
    said = again.stays()
    assert "[baseline] was trained by other code" in said
    assert f"-R {again.published}, or jobs.retrain: [baseline]" in said
    # Without its work folder it is still what it was made from.
    shutil.move(again.work, again.folder / "elsewhere")
    assert "was trained by other code" in again.stays()
    shutil.move(again.folder / "elsewhere", again.work)
    assert "[baseline] its code has changed, so training starts anew" in again.begins("--retrain")
    # The training that was begun so, interrupted and started again, goes on, asked or not.
    begun_by(again, "a")
    assert "anew" not in again.begins("--retrain")
    assert "anew" not in again.begins()


def test_retrained_once_it_is_current(again, other_code):
    other_code("a")
    begun_by(again, "a", update=8)
    assert "anew" not in again.run("--retrain").ok().out
    assert not provenance.is_stale(again.published)
    assert "current" in again.stays("--retrain")
    assert "current" in again.stays()


def test_a_training_by_two_codes_is_stale_under_either(again, other_code):
    begun_by(again, "a", "b", update=8)
    again.published.unlink()
    for code in ("a", "b"):
        other_code(code)
        assert "was trained by other code" in again.run().ok().out
        assert provenance.is_stale(again.published)
    assert "its code has changed, so training starts anew" in again.begins("--retrain")


def begun_by(again: Again, *codes: str, update: int = 4) -> None:
    """Put a checkpoint of this training, after `update`, into the work folder, on which these codes have worked."""
    again.work.mkdir(exist_ok=True)
    raw = checkpoint.read_raw(again.original)
    state = raw["extra_state"][work_folder.KEY] | {"codes": [code * 64 for code in codes], "update": update}
    state["validations"] = [one for one in state["validations"] if one[0] <= update]
    raw["extra_state"][work_folder.KEY] = state
    torch.save(raw, again.work / work_folder.LAST)


@pytest.mark.parametrize("asked", ["*", "train", "baseline", "FILE"])
def test_what_is_asked_for_by_name_is_repeated(again, asked, monkeypatch):
    monkeypatch.setenv(batch.RECOMPUTE, "decode\n" + asked.replace("FILE", str(again.published)))
    assert "[baseline] it is asked for again, so training starts anew" in again.begins()


def test_what_is_asked_for_of_others_repeats_nothing(again, monkeypatch):
    monkeypatch.setenv(batch.RECOMPUTE, "decode\nspecialize\nresults/x/baseline/checkpoint.pt")
    assert "current" in again.stays()


def test_a_job_that_comes_back_into_the_queue_was_asked_once(again, monkeypatch):
    monkeypatch.setenv(batch.RECOMPUTE, "*")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert "it is asked for again" in again.begins()
    shutil.copyfile(again.original, again.work / work_folder.LAST)
    assert "anew" not in again.run().ok().out
    monkeypatch.setenv("SLURM_JOB_ID", "8")
    assert "it is asked for again" in again.begins()


def test_a_lost_curve_is_written_again(again):
    before = again.curve.read_text(encoding="utf-8")
    again.curve.unlink()
    again.run().ok()
    assert again.curve.read_text(encoding="utf-8") == before
    again.curve.unlink()
    shutil.rmtree(again.work)
    assert "is written again" in again.run().ok().out
    rows = [row.split(",")[:3] for row in again.curve.read_text(encoding="utf-8").splitlines()]
    losses = [[str(update), "valid", str(loss)] for update, loss in provenance.read(again.published)["validations"]]
    assert rows == [["update", "split", "loss"], *losses]


def test_a_damaged_checkpoint_is_published_again(again):
    whole = again.published.read_bytes()
    again.published.write_bytes(whole[: len(whole) // 2])
    again.run().ok()
    assert again.published.read_bytes() == whole


def test_killed_anywhere_while_it_publishes_it_publishes_the_same(again):
    """Another choice of weights, published over the former: nothing that passes for current is a mixture."""
    first, expected = published_with(again), published_with(again, keep="best")
    assert first[0] != expected[0]
    for number in range(100):
        assert published_with(again) == first
        killed = True
        with killed_at(number) as done, contextlib.suppress(Killed):
            again.run(keep="best").ok()
            killed = False
        assert published_with(again, keep="best") == expected, f"killed after {done}"
        if not killed:
            break
    assert number > 8


def published_with(again: Again, **training: object) -> tuple[bytes, bytes]:
    again.run(**training).ok()
    return again.published.read_bytes(), again.curve.read_bytes()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"update": "x"}', '{"validations": 3}', "\x00\xff"])
@pytest.mark.parametrize("name", ["state.json", "settings.json", "job.json", "starts.jsonl", "curve.jsonl"])
def test_damaged_files_beside_the_checkpoint_cost_nothing(again, name, content, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    whole = published_with(again)[0]
    again.published.unlink()
    (again.work / name).write_text(content, encoding="latin-1")
    assert work_folder.reached(again.work)["update"] == 8
    result = again.run().ok()
    assert "Traceback" not in result.out + result.err
    assert "anew" not in result.out
    assert again.published.read_bytes() == whole
    (again.work / name).write_text(content, encoding="latin-1")
    assert "anew" not in again.begins(max_update=12)


def test_a_half_written_line_of_the_curve_is_passed_over(again):
    with (again.work / "curve.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"update": 9, "split": "tr')
    again.published.unlink()
    again.run().ok()
    assert "9" not in [line.split(",")[0] for line in again.curve.read_text(encoding="utf-8").splitlines()]


def test_what_an_older_version_made_is_refused_with_what_to_do(again):
    """Not silently trained again, and not silently taken for what this version would have made."""
    raw = checkpoint.read_raw(again.published)
    old = {"system": "baseline", "settings": "x", "code_version": "1.0"}
    torch.save(raw | {checkpoint.PROVENANCE: old}, again.published)
    refused = again.run()
    assert refused.code == 2
    assert "was made by another version of this project (format 1, not 2)" in refused.err
    assert "remove it and the folder `run` beside it" in refused.err
    again.published.unlink()
    work = checkpoint.read_raw(again.work / work_folder.LAST)
    work["extra_state"][work_folder.KEY] = {"best": 4.0, "waited": 0, "update": 8, "over": True}
    torch.save(work, again.work / work_folder.LAST)
    refused = again.run()
    assert refused.code == 2
    assert "run was begun by another version of this project" in refused.err
    assert (again.work / work_folder.LAST).exists()


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "its process was killed (SIGKILL), as happens when memory is used up"), (1, "its process ended with code 1")],
)
def test_a_training_whose_process_dies_says_what_is_saved_and_how_to_go_on(again, monkeypatch, code, words):
    monkeypatch.setattr(train, "launch", lambda *_: code)
    goes_on = again.run(max_update=16)
    assert goes_on.code == code
    assert f"[baseline] {words}; saved up to update 8: the same command goes on from there" in goes_on.err
    anew = again.run(max_update=16, lr=0.1)
    assert f"[baseline] {words}; nothing was saved yet: the same command begins again" in anew.err


def test_a_training_that_has_said_why_it_ends_says_no_more(again, monkeypatch):
    monkeypatch.setattr(train, "launch", lambda *_: 2)
    assert again.run(max_update=16).err == ""
