"""What is current: which directions of a batch are still to do, and that no mixture of files passes."""

from __future__ import annotations

import os

import pytest

from workflow_scripts import batch
from workflow_scripts.artifacts import write_translations
from workflow_scripts.batch import is_current, made_from, outstanding, stamp
from workflow_scripts.files import write_json

MADE = {"checkpoint": "abc", "beam": 5}


@pytest.fixture
def outputs(tmp_path):
    files = {}
    for pair in ("en-de", "de-en"):
        parquet, text = tmp_path / f"{pair}.parquet", tmp_path / f"{pair}.hyp.txt"
        text.write_text("")
        write_translations(parquet, [], {"pair": pair} | stamp(MADE, [text]))
        for path in (parquet, text):
            os.utime(path, (1000, 1000))
        files[pair] = [parquet, text]
    return files


def test_current_files_are_only_given_a_new_time(outputs):
    content = outputs["en-de"][0].read_bytes()
    assert outstanding("decode", outputs, dict(reversed(MADE.items()))) == []
    assert outputs["en-de"][0].read_bytes() == content
    assert all(path.stat().st_mtime > 1000 for paths in outputs.values() for path in paths)


def test_one_missing_file_is_one_direction_to_do(outputs):
    outputs["de-en"][1].unlink()
    assert outstanding("decode", outputs, MADE) == ["de-en"]
    assert outputs["de-en"][0].stat().st_mtime == 1000


@pytest.mark.parametrize("other", [{"checkpoint": "abd", "beam": 5}, {"checkpoint": "abc", "beam": 4}, {"beam": 5}])
def test_anything_else_it_was_made_from_is_done_again(outputs, other):
    assert outstanding("decode", outputs, other) == ["en-de", "de-en"]


def test_each_direction_may_be_made_from_its_own(outputs):
    assert outstanding("decode", outputs, lambda pair: MADE if pair == "en-de" else {}) == ["de-en"]


def test_a_damaged_file_is_done_again(outputs):
    outputs["en-de"][0].write_bytes(b"PAR1")
    assert outstanding("decode", outputs, MADE) == ["en-de"]


def test_a_file_of_another_time_beside_the_one_that_vouches_is_done_again(outputs):
    """As a kill between the two writes leaves them."""
    outputs["en-de"][1].write_text("of other settings\n")
    assert outstanding("decode", outputs, MADE) == ["en-de"]


@pytest.mark.parametrize("asked", ["*", "decode", "other\ndecode", "{folder}/en-de.hyp.txt"])
def test_what_is_asked_for_by_name_is_done_again(outputs, asked, monkeypatch):
    folder = outputs["en-de"][0].parent
    monkeypatch.setenv(batch.RECOMPUTE, asked.format(folder=folder))
    assert outstanding("decode", outputs, MADE)[0] == "en-de"
    assert outstanding("score", outputs, MADE) == ([] if "decode" in asked else outstanding("decode", outputs, MADE))


def test_json_carries_a_stamp_too(tmp_path):
    for content in ({"a": 1} | stamp(MADE), [{"name": "BLEU"} | stamp(MADE)]):
        write_json(tmp_path / "scores.json", content)
        assert is_current([tmp_path / "scores.json"], MADE)
        assert not is_current([tmp_path / "scores.json"], {})
    (tmp_path / "scores.json").write_text("[")
    assert not is_current([tmp_path / "scores.json"], MADE)


def test_the_stamp_tells_every_key():
    assert {key: stamp(MADE)[key] for key in MADE} == MADE


def test_code_and_format_are_part_of_what_made_it(monkeypatch):
    made = made_from("decode", beam=5)
    assert made["beam"] == 5
    monkeypatch.setattr(batch, "step_digest", lambda step, *registered: "other code")
    assert made_from("decode", beam=5) != made
