"""Converted models are made once, whole or not at all, and only one of a kind is kept."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from workflow_scripts.errors import UserError
from workflow_scripts.formats.kept_models import kept_model


def maker(calls: list):
    def make(folder):
        calls.append(folder)
        (folder / "model.bin").write_text("weights", encoding="utf-8")
        return {"positions": 5}

    return make


def test_a_model_is_made_once_and_another_takes_its_place(tmp_path):
    calls: list = []
    path, known = kept_model(tmp_path / "cache", {"weights": "a"}, maker(calls))
    assert (path / "model.bin").read_text(encoding="utf-8") == "weights"
    assert known == {"positions": 5}
    assert kept_model(tmp_path / "cache", {"weights": "a"}, maker(calls)) == (path, known)
    assert len(calls) == 1
    other, _ = kept_model(tmp_path / "cache", {"weights": "b"}, maker(calls))
    assert len(calls) == 2
    assert list((tmp_path / "cache").iterdir()) == [other] != [path]


def test_what_fails_half_way_leaves_nothing(tmp_path):
    def fails(folder):
        (folder / "model.bin").write_text("half", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_model(tmp_path / "cache", {"weights": "a"}, fails)
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_kill_left_is_never_used(tmp_path):
    calls: list = []
    path, _ = kept_model(tmp_path / "cache", {"weights": "a"}, maker(calls))
    (path / "model.json").unlink()
    (tmp_path / "cache" / ".dead.tmp").mkdir()
    assert kept_model(tmp_path / "cache", {"weights": "a"}, maker(calls))[0] == path
    assert len(calls) == 2
    assert list((tmp_path / "cache").iterdir()) == [path]


def test_processes_that_want_the_same_model_make_it_once(tmp_path):
    program = f"""
import time
from pathlib import Path
from workflow_scripts.formats.kept_models import kept_model
def make(folder):
    with open({str(tmp_path / "made")!r}, "a") as file: file.write("x")
    time.sleep(0.5)
    return 1
print(kept_model(Path({str(tmp_path / "cache")!r}), {{"weights": "a"}}, make)[1])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0] for process in started] == ["1\n"] * 3
    assert (tmp_path / "made").read_text(encoding="utf-8") == "x"


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path):
    """A file stands in its place: root, who may write everywhere, cannot write there either."""
    (tmp_path / "cache").write_text("")
    with pytest.raises(UserError, match="keeps the converted model, but cannot be written"):
        kept_model(tmp_path / "cache", {}, maker([]))
