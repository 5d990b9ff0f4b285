"""The rule by which validations decide, against training step by step from the start."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.training.course import (
    Choice,
    Reached,
    kept,
    lacks_validation,
    out_of_patience,
    over,
    validations,
    why_anew,
)

LOSSES = st.lists(st.integers(1, 9).map(float), min_size=30, max_size=30)
CHOICES = st.builds(Choice, st.integers(1, 24), st.integers(0, 4), st.integers(1, 8), st.sampled_from(["best", "last"]))


def train(choice: Choice, losses: list[float], reached: Reached, until: int = 10**6) -> Reached:
    """Go on as `Loop` does, the loss after an update being given; told to stop after update `until`."""
    if not over(reached, choice):
        reached = replace(reached, end=None)
    while not over(reached, choice) and reached.update < until:
        update = reached.update + 1
        reached = replace(reached, update=update)
        if update % choice.validate_every == 0:
            reached = replace(reached, validations=[*reached.validations, (update, losses[update])])
        elif update >= choice.max_update:
            reached = replace(reached, end=(update, losses[update]))
    return reached


def outcome(reached: Reached, choice: Choice) -> tuple[object, ...]:
    """Where the last weights are kept, the validation at an end chooses nothing and may be missing."""
    return reached.update, kept(reached, choice), validations(reached, choice) if choice.keep == "best" else None


@settings(max_examples=500)
@given(CHOICES, CHOICES, LOSSES, st.integers(0, 30))
def test_whatever_was_chosen_before_it_ends_as_if_chosen_from_the_start(first, second, losses, until):
    """One choice, perhaps a stop on request, then another choice: either begun anew, or the same end."""
    reached = train(first, losses, Reached(), until)
    everything = range(reached.update + 1)
    if why_anew(reached, second, everything) is None:
        assert outcome(train(second, losses, reached), second) == outcome(train(second, losses, Reached()), second)


@given(CHOICES, LOSSES, st.integers(0, 30))
def test_a_stop_on_request_never_begins_anew(choice, losses, until):
    reached = train(choice, losses, Reached(), until)
    assert why_anew(reached, choice, range(reached.update + 1)) is None


BASE = Choice(max_update=24, patience=3, validate_every=4, keep="best")
FALLING = [10.0 - update for update in range(10)] + [5.0] * 21


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"max_update": 40}, None),
        ({"max_update": 16}, "update 20 was reached and only 16 are asked for"),
        ({"patience": 0}, None),
        ({"patience": 9}, None),
        ({"patience": 2}, "with patience 2 it ends after update 16, and 20 was reached"),
        ({"validate_every": 2}, "validations are to be 2 updates apart and were not"),
        ({"validate_every": 8}, None),
        ({"validate_every": 2, "keep": "last", "patience": 0}, None),
        ({"validate_every": 2, "keep": "last"}, "validations are to be 2 updates apart and were not"),
        ({"keep": "last"}, None),
    ],
)
def test_what_begins_anew(changes, reason):
    reached = train(BASE, FALLING, Reached())
    assert (reached.update, kept(reached, BASE)) == (20, 8)
    assert why_anew(reached, replace(BASE, **changes), [8, 20]) == reason


def test_the_best_weights_must_be_there():
    reached = train(BASE, FALLING, Reached())
    assert why_anew(reached, BASE, [20]) == "the weights after update 8, the best so far, are not there"
    assert why_anew(reached, replace(BASE, keep="last"), [20]) is None


def test_a_training_stopped_at_what_becomes_its_end_lacks_its_validation():
    reached = train(BASE, FALLING, Reached(), until=10)
    shorter = replace(BASE, max_update=10)
    assert lacks_validation(reached, shorter)
    assert "without the validation that an end has" in why_anew(reached, shorter, [8, 10])
    assert not lacks_validation(train(shorter, FALLING, Reached()), shorter)
    assert not lacks_validation(reached, replace(shorter, keep="last"))


def test_equal_losses_are_no_better_and_the_first_stays():
    flat = [(update, 1.0) for update in range(1, 6)]
    assert out_of_patience(flat, 2) == 3
    assert out_of_patience(flat, 0) is None
    assert kept(Reached(5, flat), Choice(5, 0, 1, "best")) == 1


def test_where_validations_choose_nothing_how_often_they_are_made_is_no_matter():
    last = Choice(8, 0, 4, "last")
    assert last.made_from() == replace(last, validate_every=2).made_from()
    assert replace(last, patience=1).made_from() != replace(last, patience=1, validate_every=2).made_from()


def test_what_is_reached_survives_being_written():
    reached = Reached(5, [(4, 1.5)], (5, 1.25), 4, {"pairs": ["en-de"]}, ["abc"])
    assert Reached.read(json.loads(json.dumps(asdict(reached)))) == reached
    with pytest.raises(KeyError):
        Reached.read({"update": 4, "best": 1.5, "waited": 0, "over": False})
