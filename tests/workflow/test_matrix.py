"""The matrix of changes: every plan, and those changes run to the end that CI has time for; `make matrix` runs all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.matrix import CHANGES, Change, Site, executed, wrong


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A finished run."""
    site = Site.new(tmp_path_factory.mktemp("matrix") / "base")
    site.run()
    return site


def test_the_matrix_is_large_enough():
    assert len(CHANGES) >= 40
    assert len({change.name for change in CHANGES}) == len(CHANGES)
    assert sum(change.executed for change in CHANGES) >= 8


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_what_is_planned(base: Site, change: Change, tmp_path: Path):
    assert wrong(change, base.copied(tmp_path / "site").changed(change).plan(*change.arguments)) == []


@pytest.mark.parametrize("change", [change for change in CHANGES if change.executed], ids=lambda change: change.name)
def test_the_end_is_that_of_a_run_from_nothing(base: Site, change: Change, tmp_path: Path):
    assert list(executed(base, change, tmp_path)) == []


def test_there_and_back_leaves_nothing_behind(base: Site, tmp_path: Path):
    """Another contrast, another system, other languages, and back: the tables are what they were."""
    site, back = base.copied(tmp_path / "site"), next(change for change in CHANGES if change.name == "nothing")
    for name in ("the contrast", "a system more"):
        there = next(change for change in CHANGES if change.name == name)
        site.changed(there).run()
        site.changed(back).run()
        assert site.tables() == base.tables()
