"""Progress lines: what they say, and that they do not come too often."""

from __future__ import annotations

import time

import pytest

from workflow_scripts.progress import Progress, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7660, "2 h 07 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_line_says_how_far_how_fast_and_how_long_still(clock, capsys):
    progress = Progress("decode ns", 1200, "directions")
    clock[0] += 20
    progress.update(200, "en-de")
    assert capsys.readouterr().out == "[decode ns] 200/1,200 directions · en-de · 10.0 directions/s · 1 min 40 s left\n"
    clock[0] += 100
    progress.update(1200)
    assert capsys.readouterr().out == "[decode ns] 1,200/1,200 directions · 10.0 directions/s · 2 min 00 s in all\n"


def test_what_an_earlier_attempt_did_does_not_make_this_one_fast(clock, capsys):
    progress = Progress("baseline", 1000, "updates", done=900)
    clock[0] += 10
    progress.update(910)
    assert "1.0 updates/s · 1 min 30 s left" in capsys.readouterr().out


def test_lines_come_at_most_once_in_an_interval_and_always_at_the_end(clock, capsys):
    progress = Progress("x", 100, "lines", interval=10)
    for done in range(1, 101):
        clock[0] += 0.5
        progress.update(done)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["20/100", "40/100", "60/100", "80/100", "100/100"]


def test_no_progress_and_no_time_do_not_divide_by_zero(clock, capsys):
    Progress("x", 1, "lines").update(1)
    progress = Progress("x", 5, "lines", interval=0)
    progress.update(0)
    assert capsys.readouterr().out.splitlines()[1].startswith("[x] 0/5 lines · 0.0 lines/s")
