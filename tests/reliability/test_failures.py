"""Each of the failures of the first review has tests, and the mending that they are about can be undone to try them.

`make reliability` undoes each and runs its tests: they must fail.
"""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT
from tests.reliability.evidence.failures import FAILURES, Failure, undo


def test_there_are_twelve():
    assert len({failure.what for failure in FAILURES}) == 12


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.what)
def test_its_tests_are_there_and_its_mending_can_be_undone(failure: Failure):
    for test in failure.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in names if name else any(each.startswith("test_") for each in names)
    text = (ROOT / failure.file).read_text(encoding="utf-8")
    changed = undo(failure, text)
    assert changed != text
    ast.parse(changed)
