"""Which directions of a batch are still to do."""

from __future__ import annotations

import os

import pytest

from workflow_scripts.artifacts import write_translations
from workflow_scripts.batch import outstanding, stamp

MADE_FROM = {"checkpoint": "abc", "beam": 5}


@pytest.fixture
def outputs(tmp_path):
    files = {}
    for pair in ("en-de", "de-en"):
        parquet, text = tmp_path / f"{pair}.parquet", tmp_path / f"{pair}.hyp.txt"
        write_translations(parquet, [], {"pair": pair} | stamp(MADE_FROM))
        text.write_text("")
        for path in (parquet, text):
            os.utime(path, (1000, 1000))
        files[pair] = [parquet, text]
    return files


def test_current_files_are_only_given_a_new_time(outputs):
    content = outputs["en-de"][0].read_bytes()
    assert outstanding(outputs, dict(reversed(MADE_FROM.items()))) == []
    assert outputs["en-de"][0].read_bytes() == content
    assert all(path.stat().st_mtime > 1000 for paths in outputs.values() for path in paths)


def test_one_missing_file_is_one_direction_to_do(outputs):
    outputs["de-en"][1].unlink()
    assert outstanding(outputs, MADE_FROM) == ["de-en"]
    assert outputs["de-en"][0].stat().st_mtime == 1000


@pytest.mark.parametrize("other", [{"checkpoint": "abd", "beam": 5}, {"checkpoint": "abc", "beam": 4}, {"beam": 5}])
def test_anything_else_it_was_made_from_is_done_again(outputs, other):
    assert outstanding(outputs, other) == ["en-de", "de-en"]


def test_a_damaged_file_is_done_again(outputs):
    outputs["en-de"][0].write_bytes(b"PAR1")
    assert outstanding(outputs, MADE_FROM) == ["en-de"]


def test_the_stamp_tells_every_key():
    assert {key: stamp(MADE_FROM)[key] for key in MADE_FROM} == MADE_FROM
