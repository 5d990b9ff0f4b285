"""No attack succeeds: nothing is executed, written elsewhere, unpacked beyond all bounds, or waited for without end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import TinyRun
from tests.reliability import hostile
from tests.reliability.attacks import Attack, all_attacks
from tests.reliability.hostile import HOSTILE

ATTACKS = list(all_attacks())


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.group}: {attack.name}")
def test_no_attack_succeeds(attack, tmp_path_factory):
    assert attack.outcome(tmp_path_factory.mktemp("attack") / "place").startswith(("refused: ", "harmless: "))


@pytest.mark.parametrize(
    ("attempt", "outcome"),
    [
        (lambda folder: (folder / "OWNED").touch(), "SUCCEEDED: OWNED is there"),
        (lambda folder: (folder.parent / "x").touch(), "SUCCEEDED: wrote outside"),
        (lambda folder: (folder.parent / "victim").write_text("x") and None, "SUCCEEDED: wrote outside"),
        (lambda folder: "a thing", "SUCCEEDED: a thing"),
        (lambda folder: 1 / 0, "TRACEBACK: ZeroDivisionError"),
        (lambda folder: None, "harmless"),
    ],
)
def test_one_that_succeeds_is_seen(attempt, outcome, tmp_path):
    assert Attack("", "", attempt).outcome(tmp_path / "place").startswith(outcome)


def test_a_run_whose_every_string_is_hostile_ends_and_reaches_nothing(tmp_path):
    assert hostile.scored(tmp_path) is None


def test_nothing_that_a_run_reads_is_executed_by_its_name(tiny_run: TinyRun, tmp_path: Path):
    """Data-bin, SentencePiece model, checkpoint and test set."""
    data, work = tiny_run.manifest.parent, tmp_path / f"work {HOSTILE}"
    work.mkdir()
    hostile.fill(work)
    shutil.copytree(data / "bin", work / f"bin{HOSTILE}")
    shutil.copy(data / "sentencepiece.model", work / f"s{HOSTILE}")
    shutil.copy(tiny_run.checkpoint, work / f"c{HOSTILE}")
    shutil.copytree(data / "raw", work / f"t{HOSTILE}")
    before = hostile.given(work)
    config = {
        "run": "read",
        "languages": {"table": hostile.TABLE, "codes": ["en", "qa", "qe", "xi"]},
        "data": {
            "source": "databin",
            "databin": {"path": f"bin{HOSTILE}"},
            "sentencepiece": {"model": f"s{HOSTILE}"},
        },
        "baseline": {"checkpoint": {"path": f"c{HOSTILE}"}},
        "systems": {"baseline": {}},
        "test_sets": {"news": f"t{HOSTILE}"},
    }
    hostile.snakemake(work, config, "results/read/baseline/checkpoint.pt", "results/read/data/tests/news/checked.json")
    assert list(hostile.reached(work, before, {"read"})) == []
