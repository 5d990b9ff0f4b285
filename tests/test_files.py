"""Files are replaced as a whole or not at all; digests follow content."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from workflow_scripts.errors import UserError
from workflow_scripts.files import (
    code_version,
    digest,
    json_lines,
    read_json,
    replacing,
    sha256,
    write_json,
    write_text,
)


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new/folder/x.csv"
    with replacing(path) as temporary:
        assert temporary.suffix == ".csv"
        assert temporary.parent == path.parent
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["x.csv"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="disk"), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError("disk full")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.txt"]


def test_nothing_written_is_an_error_not_an_empty_file(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "x.txt"):
        pass
    assert os.listdir(tmp_path) == []


HALF = """
import os, signal, sys
from workflow_scripts.files import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("written", flush=True)
    sys.stdin.read() if sys.argv[2] == "lives" else os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_killed_processes_have_left_is_removed_and_what_others_write_is_not(tmp_path):
    command = [sys.executable, "-c", HALF]
    died = subprocess.run([*command, tmp_path / "a.b.txt", "dies"], check=False, stdout=subprocess.DEVNULL)
    assert died.returncode == -signal.SIGKILL
    (left,) = os.listdir(tmp_path)
    living = [tmp_path / "c", "lives"]
    with subprocess.Popen([*command, *living], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "written\n"
        (written,) = os.listdir(tmp_path)
        assert written != left
        (tmp_path / ".a.elsewhere-1.tmp.txt").write_text("another machine's")
        write_text(tmp_path / "a.b.txt", "whole")
        assert sorted(os.listdir(tmp_path)) == sorted([".a.elsewhere-1.tmp.txt", "a.b.txt", written])
        process.communicate()
    assert sorted(os.listdir(tmp_path)) == [".a.elsewhere-1.tmp.txt", "a.b.txt", "c"]


def test_text_is_utf8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "x.txt", "ä\nb\r\n")
    assert (tmp_path / "x.txt").read_bytes() == "ä\nb\r\n".encode()


def test_json_is_stable(tmp_path):
    write_json(tmp_path / "x.json", {"b": 1, "a": ["ü"]})
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == '{\n  "a": [\n    "ü"\n  ],\n  "b": 1\n}\n'


def test_digests(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest({"a": 1, "b": [2]}) == digest(json.loads('{"b": [2], "a": 1}'))
    assert digest({"a": 1}) != digest({"a": 2})


def test_digest_of_a_missing_file_names_it(tmp_path):
    with pytest.raises(UserError, match=r"gone\.pt does not exist"):
        sha256(tmp_path / "gone.pt")


def test_version_names_the_code():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\+g[0-9a-f]{12})?", code_version())


def test_damaged_json_is_named_and_half_written_lines_are_passed_over(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(UserError, match=r"x\.json does not exist"):
        read_json(path)
    for content in (b'{"a": 1', b"\xff\xfe", b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"x\.json is damaged, or was changed by hand .*: remove it"):
            read_json(path)
    write_json(path, {"a": 1})
    assert read_json(path) == {"a": 1}
    assert json_lines(tmp_path / "none.jsonl") == []
    (tmp_path / "x.jsonl").write_bytes(b'{"s": 1}\n[2]\n\n{"s": \n{"s": 3}\n{"s": 4, "t')
    assert json_lines(tmp_path / "x.jsonl") == [{"s": 1}, {"s": 3}]
