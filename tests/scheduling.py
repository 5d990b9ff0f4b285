"""How pytest-xdist shares the tests out: file by file, those that take longest first."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

FIRST = ("tests/slurm/", "tests/workflow/", "tests/golden/", "tests/fairseq_plugin/", "tests/reliability/")
"""Files below, in this order, are begun before all others: a long file begun last would leave a core idle."""


def rank(scope: str) -> int:
    """When a file's turn is, of those that wait."""
    return next((place for place, folder in enumerate(FIRST) if scope.startswith(folder)), len(FIRST))


class LongestFirst(LoadFileScheduling):
    """A file goes to one worker as a whole; those of `FIRST` go first, else as pytest-xdist has it."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LongestFirst:
    """The scheduler of `pytest -n 2`."""
    return LongestFirst(config, log)
