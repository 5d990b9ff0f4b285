"""Filters of training text: what goes, why, and that the counts add up."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.corpus.filters import Limits, TrainingFilter, comparable, held_out_set


def test_each_filter_takes_its_pair():
    held = held_out_set(["It is a test!"]), held_out_set(["Das ist ein Test."])
    keep = TrainingFilter(Limits(1, 4, 2.0), held)
    pairs = [
        ("A dog runs", "Ein Hund rennt"),
        ("", "leer"),
        ("one two three four five", "eins zwei drei vier"),
        ("one", "eins zwei drei"),
        ("A dog runs", "Ein Hund rennt"),
        ("it is a TEST", "dies ist anders"),
        ("quite other", "Das ist ein Test"),
        ("A dog runs", "Ein Hund läuft"),
    ]
    assert list(keep(pairs)) == [pairs[0], pairs[7]]
    assert keep.dropped == {"empty": 1, "length": 1, "ratio": 1, "duplicate": 1, "held_out": 2}
    assert keep.table(len(pairs)) == [
        {"filter": "empty", "before": 8, "kept": 7},
        {"filter": "length", "before": 7, "kept": 6},
        {"filter": "ratio", "before": 6, "kept": 5},
        {"filter": "duplicate", "before": 5, "kept": 4},
        {"filter": "held_out", "before": 4, "kept": 2},
    ]


SENTENCE = st.lists(st.sampled_from(["a", "b", "B", "c."]), max_size=4).map(" ".join)


@given(st.lists(st.tuples(SENTENCE, SENTENCE), max_size=40), st.lists(SENTENCE, max_size=3))
def test_counts_add_up_and_what_is_kept_meets_every_limit(pairs, held):
    keep = TrainingFilter(Limits(1, 3, 2.0), (held_out_set(held), set()))
    kept = list(keep(pairs))
    rows = keep.table(len(pairs))
    assert rows[-1]["kept"] == len(kept) == len(set(kept))
    assert all(earlier["kept"] == later["before"] for earlier, later in itertools.pairwise(rows))
    for first, second in kept:
        lengths = sorted((len(first.split()), len(second.split())))
        assert lengths[0] >= 1
        assert lengths[1] <= min(3, 2 * lengths[0])
        assert comparable(first) not in [comparable(sentence) for sentence in held if comparable(sentence)]


def test_sentences_without_letters_are_no_held_out_sentences():
    assert held_out_set(["...", "?!"]) == set()
