"""The matrix of changes: every plan, and those changes run to the end that CI has time for; `make matrix` runs all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.changes import CHANGES, Change
from tests.workflow.matrix import Site, executed, finished, planned, wrong

BY_NAME = {change.name: change for change in CHANGES}
CODE = [change for change in CHANGES if change.name.startswith("code of")]
OTHERS = [change for change in CHANGES if change not in CODE]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Site]:
    """The finished runs that changes are made to."""
    return finished(tmp_path_factory.mktemp("matrix"))


def test_the_matrix_is_large_enough():
    assert len(CHANGES) >= 40
    assert len(BY_NAME) == len(CHANGES)
    assert sum(change.executed for change in CHANGES) >= 8


def test_what_is_planned(bases: dict[str, Site], tmp_path: Path):
    sites = [bases[change.base].copied(tmp_path / str(number)).changed(change) for number, change in enumerate(OTHERS)]
    plans = planned([(site, change.arguments) for site, change in zip(sites, OTHERS, strict=True)])
    found = {change.name: wrong(change, plan) for change, plan in zip(OTHERS, plans, strict=True)}
    assert {name: differences for name, differences in found.items() if differences} == {}


@pytest.mark.parametrize("change", CODE, ids=lambda change: change.name)
def test_what_is_planned_for_other_code(bases: dict[str, Site], change: Change, tmp_path: Path):
    assert wrong(change, bases[change.base].copied(tmp_path / "site").changed(change).plan()) == []


@pytest.mark.parametrize("change", [change for change in CHANGES if change.executed], ids=lambda change: change.name)
def test_the_end_is_that_of_a_run_from_nothing(bases: dict[str, Site], change: Change, tmp_path: Path):
    assert list(executed(bases[change.base], change, tmp_path)) == []


def test_there_and_back_leaves_nothing_behind(bases: dict[str, Site], tmp_path: Path):
    """Another contrast, and back: the tables are what they were, to the byte."""
    base = bases["text"]
    site = base.copied(tmp_path / "site")
    site.changed(BY_NAME["the contrast"]).run()
    assert site.tables() != base.tables()
    site.changed(BY_NAME["nothing"]).run()
    assert site.tables() == base.tables()
