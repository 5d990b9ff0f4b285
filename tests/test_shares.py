"""Tasks shared out among processes: the results in order, and what becomes of failures."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.errors import UserError
from workflow_scripts.shares import even_shares, shared_out


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_results_come_in_the_order_of_the_tasks(processes):
    assert shared_out(lambda task: task * 2, [3, 1, 2], [1, 5, 1], processes) == [6, 2, 4]
    assert shared_out(lambda task: task, [], [], processes) == []


def test_the_work_is_done_by_several_processes():
    found = shared_out(lambda _: os.getpid(), range(4), [1] * 4, 2)
    assert len(set(found)) == 2
    assert os.getpid() not in found


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.integers(1, 6))
def test_every_task_is_in_one_share_and_none_has_much_more_than_another(sizes, count):
    shares = even_shares(sizes, count)
    assert sorted(number for share in shares for number in share) == list(range(len(sizes)))
    sums = [sum(sizes[number] for number in share) for share in shares]
    assert max(sums) - min(sums) <= max(sizes)


def test_what_a_process_refuses_is_refused_here():
    def work(task: int) -> int:
        if task == 2:
            raise UserError("pair 2: nothing is left")
        return task

    with pytest.raises(UserError, match="pair 2: nothing is left"):
        shared_out(work, [1, 2, 3], [1, 1, 1], 2)


def test_a_process_that_is_killed_is_no_success():
    with pytest.raises(UserError, match="exit code 9"):
        shared_out(lambda task: os._exit(9) if task == 1 else task, [1, 2], [1, 1], 2)
