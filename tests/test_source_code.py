"""Digests of code: what counts as a change and what does not; every step declares the modules that decide."""

from __future__ import annotations

import os

import pytest

from workflow_scripts import source_code


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/count.py").write_text('"""A step."""\nCODE = ("science",)\nprint(1)\n')
    (tmp_path / "science.py").write_text('def f(x):\n    """Doc."""\n    return x + 1  # why\n')
    monkeypatch.setattr(source_code, "PACKAGE", tmp_path)
    yield tmp_path
    forget()


def forget():
    for cached in (source_code.step_digest, source_code.declared, source_code._module_digest, source_code._known):
        cached.cache_clear()


def digest():
    forget()
    return source_code.step_digest("count")


def test_comments_docstrings_and_layout_do_not_count(package):
    before = digest()
    (package / "science.py").write_text('"""New."""\n\n\ndef f(x):\n    "Other."\n    return (x +\n            1)\n')
    assert digest() == before


@pytest.mark.parametrize("file", ["science.py", "steps/count.py"])
def test_a_changed_expression_counts(package, file):
    before = digest()
    text = (package / file).read_text()
    (package / file).write_text(text.replace("1", "2"))
    assert digest() != before


def test_what_is_not_declared_does_not_count(package):
    before = digest()
    (package / "other.py").write_text("x = 1\n")
    assert digest() == before
    (package / "steps/count.py").write_text('CODE = ("science", "other")\nprint(1)\n')
    assert digest() != before


def test_what_is_remembered_is_by_content(package, monkeypatch):
    """A second look needs no syntax tree; a changed file is looked at anew, also with its old time."""
    before = digest()
    monkeypatch.setattr(source_code, "_tree_digest", lambda content: pytest.fail("worked out again"))
    assert digest() == before
    monkeypatch.undo()
    monkeypatch.setattr(source_code, "PACKAGE", package)
    old = (package / "science.py").stat()
    (package / "science.py").write_text("def f(x):\n    return x + 2\n")
    os.utime(package / "science.py", ns=(old.st_atime_ns, old.st_mtime_ns))
    assert digest() != before
