"""Configuration files that are no YAML, or say a key twice, are refused with file and line."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from workflow_scripts import configuration_files
from workflow_scripts.errors import UserError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run: x\nseed: 1\nrun: y\n", "line 3: run stands on line 1 already, and only one of them can count"),
        ("systems:\n  ns: {}\n  b: {}\n  ns:\n    masks: {}\n", "line 4: systems.ns stands on line 2 already"),
        ("a: [1, {b: 1, b: 2}]\n", "line 1: a.1.b stands on line 1 already"),
        ("1: a\n'1': b\n", "line 2: 1 stands on line 1 already"),
        ("a: {b: 1\nc: [2\n", "line 2, column 2: this is no YAML: expected ',' or '}'"),
        ("a: 1\nb:\t2\n", r"line 2, column 3: this is no YAML: found character '\\t'"),
        ("a: 1\n  b: 2\n", "line 2, column 4: this is no YAML: mapping values are not allowed here"),
        ("a: *nowhere\n", "line 1, column 4: this is no YAML: found undefined alias"),
        ("a: 1\n--- \nb: 2\n", "this is no YAML: but found another document"),
        ("a: \x00\n", "this is no YAML: "),
    ],
)
def test_file_and_line_are_named(tmp_path, text, message):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        configuration_files.check([path])
    assert str(caught.value).startswith(f"{path}, ")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml does not exist"):
        configuration_files.check([tmp_path / "none.yaml"])
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(UserError, match=r"latin\.yaml, line 2: this is not UTF-8"):
        configuration_files.check([tmp_path / "latin.yaml"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
)


@given(VALUES)
def test_what_is_dumped_has_no_problem(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("made") / "run.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8", newline="")
    assert list(configuration_files.problems(path)) == []


@given(st.binary(max_size=40))
def test_any_bytes_are_fine_or_refused_in_words(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("made") / "run.yaml"
    path.write_bytes(content)
    # Anything else than a refusal in words would come up here.
    with suppress(UserError):
        configuration_files.check([path])


def test_shared_parts_may_be_merged(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("a: &a {x: 1}\nb: &b {y: 2}\nc: {<<: *a, <<: *b, x: 3}\n")
    configuration_files.check([path])


def test_a_run_does_not_begin(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(f"{(ROOT / 'config/config.yaml').read_text()}\nseed: 5\n")
    snakemake = [sys.executable, "-m", "snakemake", "-n", "--snakefile", ROOT / "Snakefile", "--configfile", path]
    done = subprocess.run(snakemake, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "seed stands on line 4 already, and only one of them can count" in done.stdout + done.stderr
    lint = [sys.executable, "-m", "workflow_scripts.tools.lint_config", path]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
