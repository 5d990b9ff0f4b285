"""No malformed input is accepted, ends in a traceback, or is refused in words that do not name it."""

from __future__ import annotations

import pytest

from tests.reliability import inputs

LEAST = 300


def test_enough_is_tried():
    assert len(inputs.INPUTS) >= LEAST
    assert len({(bad.group, bad.name) for bad in inputs.INPUTS}) == len(inputs.INPUTS)


@pytest.mark.parametrize("bad", inputs.INPUTS, ids=lambda bad: f"{bad.group}: {bad.name}")
def test_a_malformed_input_is_refused_in_its_words(bad, tmp_path_factory):
    assert bad.outcome(tmp_path_factory.mktemp("input")) == "refused"


def test_what_is_well_formed_is_accepted(tmp_path):
    """Else everything could be refused for another reason than the one that is tried."""
    assert inputs.Bad("", "", inputs.of_key(("seed",), 5), "").outcome(tmp_path) == "accepted"


def test_the_table_counts_every_input():
    last = inputs.table().splitlines()[-1]
    assert last.startswith(f"| all | {len(inputs.INPUTS)} |")
    assert last.endswith("| 0 | 0 | 0 |")
