"""No malformed input is accepted, ends in a traceback, or is refused in words that do not name it."""

from __future__ import annotations

import pytest

from tests.reliability.bad import CONFIGURATION, Bad
from tests.reliability.evidence.inputs import EARLY, tried
from tests.reliability.inputs import INPUTS, of_key
from workflow_scripts.errors import UserError

LEAST = 500


def test_enough_is_tried():
    assert len(INPUTS) >= LEAST
    assert len({(bad.group, bad.name) for bad in INPUTS}) == len(INPUTS)
    assert all(bad.says and bad.when in EARLY for bad in INPUTS)


@pytest.mark.parametrize("bad", INPUTS, ids=lambda bad: f"{bad.group}: {bad.name}")
def test_a_malformed_input_is_refused_in_its_words(bad, tmp_path_factory):
    assert bad.outcome(tmp_path_factory.mktemp("input")) == "refused"


def test_what_is_well_formed_is_accepted(tmp_path):
    """Else everything could be refused for another reason than the one that is tried."""
    assert Bad("", "", of_key(("seed",), 5), "").outcome(tmp_path) == "accepted"


def raising(error: Exception):
    def attempt(_):
        raise error

    return attempt


def test_the_evidence_counts_what_fails(tmp_path):
    told = Bad("a", "told", raising(UserError("x is wrong")), "x")
    others = [
        Bad("a", "accepted", lambda _: None, "x"),
        Bad("b", "raised", raising(ValueError("x")), "x"),
        Bad("b", "said otherwise", raising(UserError("y is wrong")), "x"),
        Bad("b", "late", raising(UserError("x")), "x", "after training"),
    ]
    found = tried([told, *others], tmp_path)
    assert found.failed == len(others)
    assert found.headline == (
        "5 malformed inputs in 2 groups: 1 accepted silently, 1 ended in a traceback, 1 refused in other words, "
        "1 refused after training"
    )
    assert found.rows[0] == ("a", "told", f"refused {CONFIGURATION}: “… x …”")
    assert tried([told], tmp_path / "again").failed == 0
