"""Lines that are too long are cut where it hurts least, and nothing of them is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.corpus.long_lines import cut, joined


def at_most(count: int):
    return lambda text: len(text) <= count


@pytest.mark.parametrize(
    ("line", "longest", "parts"),
    [
        ("It fits.", 8, ["It fits."]),
        ("One. Two! Three?", 9, ["One.", "Two!", "Three?"]),
        ('He said "No." She left.', 14, ['He said "No."', "She left."]),
        ("A long one, with, a clause. B.", 17, ["A long one, with,", "a clause.", "B."]),
        ("no stops in here at all", 9, ["no stops", "in here", "at all"]),
        ("unbreakable", 6, ["unbre", "akable"]),
        ("第一句。第二句！第三", 5, ["第一句。", "第二句！", "第三"]),
        ("पहला। दूसरा। तीसरा।", 12, ["पहला।", "दूसरा।", "तीसरा।"]),
        ("at 3.5 percent. Next.", 15, ["at 3.5 percent.", "Next."]),
    ],
)
def test_sentences_then_clauses_then_words_then_anywhere(line, longest, parts):
    assert cut(line, at_most(longest)) == parts


@given(st.text(alphabet="ab .,!。，", max_size=80), st.integers(1, 12))
def test_every_part_fits_and_only_spaces_are_lost(line, longest):
    parts = cut(line, at_most(longest))
    assert all(len(part) <= longest for part in parts)
    assert "".join(parts).replace(" ", "") == line.replace(" ", "")


def test_what_never_fits_ends():
    assert "".join(cut("abc def", lambda text: False)) == "abcdef"


def test_parts_are_joined_by_a_space_where_the_script_has_spaces():
    assert joined(["One.", "", "Two."]) == "One. Two."
    assert joined(["一。", "二。"]) == "一。二。"
    assert joined([]) == joined([""]) == ""
