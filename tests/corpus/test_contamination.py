"""Test lines that stand in the training text: counted by letters and digits, per language and on either side."""

from __future__ import annotations

from workflow_scripts.corpus import contamination


def test_lines_are_compared_as_held_out_text_is(tmp_path):
    (tmp_path / "en").write_text("It is A TEST!\nnumber 7\n")
    (tmp_path / "more").write_text("quite other\n")
    (tmp_path / "de").write_text("Das nicht\nein Test\n")
    pairs = {
        "en-de": {"en": ["it is a test", "new", "Number 7.", "..."], "de": ["neu", "Ein Test", "Nummer 7", "?!"]},
        "en-fr": {"en": ["Quite, other"], "fr": ["x"]},
    }
    training = {"en": [tmp_path / "en", tmp_path / "more"], "de": [tmp_path / "de"]}
    assert contamination.count(pairs, training) == {
        "en-de": {"en": 2, "de": 1, "either": 3},
        "en-fr": {"en": 1, "fr": 0, "either": 1},
    }
