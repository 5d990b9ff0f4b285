"""Directions: parsing, kinds, and the files that hold their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.direction import CODE, Direction, corpora, joined, parse_all
from workflow_scripts.errors import UserError

CODES = st.from_regex(CODE, fullmatch=True)


@given(CODES, CODES)
def test_what_is_written_is_read(source, target):
    if source != target:
        direction = Direction(source, target)
        assert Direction.parse(str(direction)) == direction
        assert direction.reverse.reverse == direction


@pytest.mark.parametrize("text", ["", "en", "en-", "-de", "en-en", "en-de-fr", "en-$(x)", "en-de\n", "en de", "en-d/e"])
def test_what_is_no_direction_is_refused(text):
    with pytest.raises(UserError, match="is not a direction like en-de"):
        Direction.parse(text)


def test_kinds_follow_the_pivot():
    kinds = [Direction.parse(text).kind("de") for text in ("de-fr", "fr-de", "en-fr")]
    assert kinds == ["en-x", "x-en", "x-x"]
    assert [Direction.parse(text).type("de") for text in ("de-fr", "fr-de", "en-fr")] == ["O2M", "M2O", "X2Y"]
    assert [Direction.parse(text).other("de") for text in ("de-fr", "fr-de", "en-fr")] == ["fr", "fr", None]


def test_one_corpus_serves_both_directions():
    found = corpora(parse_all("de-en,en-de,fr-en,de-fr,fr-de"), "en")
    assert joined(found) == "en-de,en-fr,de-fr"


def test_tags_are_fairseqs():
    assert Direction.parse("en-deu_Latn").tags == ("__en__", "__deu_Latn__")
