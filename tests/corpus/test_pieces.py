"""SentencePiece: sampling, determinism, the dictionary."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.corpus import pieces
from workflow_scripts.errors import UserError
from workflow_scripts.synthetic import english, meaning


@given(st.integers(1, 60), st.integers(0, 200))
def test_spread_takes_as_many_as_wanted_evenly(count, wanted):
    taken = Counter(pieces.spread(map(str, range(count)), count, wanted))
    assert taken.total() == wanted
    assert all(abs(taken[str(line)] - wanted / count) < 1 for line in range(count))


def test_sample_sizes():
    lines = {"en": 8100, "de": 100}
    assert pieces.sample_sizes(lines, 1.0, 10**7) == lines
    assert pieces.sample_sizes(lines, 1.0, 820) == {"en": 810, "de": 10}
    assert pieces.sample_sizes(lines, 2.0, 1000) == {"en": 900, "de": 100}


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    random = Random(1)
    path = tmp_path_factory.mktemp("text") / "train.en-xx.en"
    path.write_text("".join(english.write(meaning.sentence(random)) + "\n" for _ in range(500)))
    return path


def test_same_text_same_model_and_any_text_comes_back(text, tmp_path):
    for name in ("one.model", "two.model"):
        pieces.train_model({"en": [text]}, tmp_path / name, 200, 1.0, 1.0, 10**6)
    assert (tmp_path / "one.model").read_bytes() == (tmp_path / "two.model").read_bytes()
    model = pieces.load_model(tmp_path / "one.model")
    lines = text.read_text().splitlines()
    assert model.get_piece_size() == 200
    assert [model.decode(encoded) for encoded in pieces.encode(model, lines)] == lines
    assert model.encode("a\u200cb", out_type=str)[-2] == "\u200c"


def test_dictionary_is_counted_without_unknown_characters(text, tmp_path):
    pieces.train_model({"en": [text]}, tmp_path / "m.model", 200, 1.0, 1.0, 10**6)
    model = pieces.load_model(tmp_path / "m.model")
    counts = pieces.count_pieces(model, ["Anna sang.", "Ж", "Anna sang."])
    assert "Ж" not in counts
    assert counts["."] == 2
    assert pieces.dictionary_text(Counter({"b": 2, "a": 2, "z": 7})) == "z 7\na 2\nb 2\n"


def test_too_small_a_text_is_refused(text, tmp_path):
    with pytest.raises(UserError, match=r"data\.sentencepiece\.size"):
        pieces.train_model({"en": [text]}, tmp_path / "m.model", 5, 1.0, 1.0, 10**6)


def test_not_a_model(tmp_path):
    (tmp_path / "m.model").write_text("x")
    with pytest.raises(UserError, match="not a SentencePiece model"):
        pieces.load_model(tmp_path / "m.model")
