"""How pytest-xdist shares the tests out: file by file, and those that need the machine for themselves at the end."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ALONE = "tests/slurm/"
"""Files below run one at a time when all others are done: a SLURM of their own measures memory, cores and time."""


class AloneAtTheEnd(LoadFileScheduling):
    """A file goes to one worker as a whole; those of `ALONE` wait until no other worker has anything left.

    A worker runs its last test only when it knows what follows. So once nothing but such files is left, all workers
    but one are told that nothing follows, and that one is given the files when the others have ended.
    """

    def _only_alone_is_left(self) -> bool:
        return bool(self.workqueue) and all(scope.startswith(ALONE) for scope in self.workqueue)

    def _others(self, node: WorkerController) -> list[WorkerController]:
        return [other for other in self.nodes if other is not node]

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self._only_alone_is_left():
            if any(self._pending_of(self.assigned_work[other]) for other in self._others(node)):
                return
        else:
            first = next(scope for scope in self.workqueue if not scope.startswith(ALONE))
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self._only_alone_is_left() and any(not other.shutting_down for other in self._others(node)):
            node.shutdown()
        else:
            super()._reschedule(node)

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Mark a test as done; the worker that waits for the others to end may be given work now."""
        super().mark_test_complete(node, item_index, duration)
        if self._only_alone_is_left():
            for other in self._others(node):
                self._reschedule(other)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> AloneAtTheEnd:
    """The scheduler of `pytest -n 2`."""
    return AloneAtTheEnd(config, log)
