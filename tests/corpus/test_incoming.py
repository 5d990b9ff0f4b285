"""Lines in batches, from lists and from streams that pause."""

from __future__ import annotations

import os
from itertools import repeat
from threading import Event, Thread

import pytest

from workflow_scripts.corpus.incoming import arriving, batched
from workflow_scripts.errors import UserError


def stream(content: bytes) -> int:
    """The reading end of a pipe that holds `content` and is closed."""
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb") as file:
            file.write(content)

    Thread(target=write, daemon=True).start()
    return reading


def test_batches_have_the_sizes_asked_for():
    assert list(batched("abcdefg", iter([1, 2, 3, 4, 5]))) == [["a"], ["b", "c"], ["d", "e", "f"], ["g"]]
    assert list(batched([], repeat(2))) == []


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"a\nno end", ["a", "no end"]),
        ("ä\N{LINE SEPARATOR}ö\r\nü\n".encode(), ["ä\N{LINE SEPARATOR}ö\r", "ü"]),
    ],
)
def test_only_a_line_feed_ends_a_line_and_the_last_may_lack_it(content, lines):
    assert [line for batch in arriving(stream(content), "in", repeat(2)) for line in batch] == lines


def test_a_long_stream_comes_in_whole_batches_in_order():
    lines = [f"line {number} {'x' * (number % 400)}" for number in range(3000)]
    found = list(arriving(stream("".join(f"{line}\n" for line in lines).encode()), "in", repeat(500)))
    assert [line for batch in found for line in batch] == lines
    assert max(map(len, found)) == 500


def test_a_line_that_comes_alone_is_not_kept_waiting():
    reading, writing = os.pipe()
    answered = Event()

    def talk() -> None:
        with open(writing, "wb", buffering=0) as file:
            file.write(b"one\ntwo\nhal")
            answered.wait(10)
            file.write(b"f\n")

    Thread(target=talk, daemon=True).start()
    found = arriving(reading, "in", repeat(100))
    assert next(found) == ["one", "two"]
    answered.set()
    assert list(found) == [["half"]]


def test_what_is_not_utf8_is_named_after_the_lines_before_it():
    found = arriving(stream(b"good\nfine\nb\xe4d\nlater\n"), "standard input", repeat(2))
    assert next(found) == ["good", "fine"]
    with pytest.raises(UserError, match=r"standard input, line 3: not UTF-8 .* at byte 2"):
        next(found)
    found = arriving(stream(b"good\nb\xe4d\n"), "in", repeat(9))
    assert next(found) == ["good"]
    with pytest.raises(UserError, match="in, line 2"):
        next(found)
