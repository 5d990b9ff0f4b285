"""A list of values is a system of each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from workflow_scripts import configuration, schema
from workflow_scripts.errors import UserError
from workflow_scripts.sweeps import expanded, lines

SCHEMA = ROOT / "config/schema.yaml"
RULES = schema.load(SCHEMA)


def ns(k: Any, **more: Any) -> dict[str, Any]:
    return {"masks": {"select": "cumulative", "k": k, **more}}


def test_a_system_of_each_value_in_its_place():
    made = expanded({"baseline": {}, "ns": ns([80, 95.5]), "dense": {"continue": True}}, RULES)
    assert list(made) == ["baseline", "ns-k80", "ns-k95_5", "dense"]
    assert made["ns-k95_5"] == ns(95.5)


def test_what_copies_sizes_follows_wherever_it_stands():
    random = {"masks": {"select": "random", "like": "ns"}}
    inverse = {"masks": {"select": "inverse", "like": "random"}}
    made = expanded({"inverse": inverse, "random": random, "ns": ns([80, 95])}, RULES)
    assert list(made) == ["inverse-k80", "inverse-k95", "random-k80", "random-k95", "ns-k80", "ns-k95"]
    assert made["random-k95"] == {"masks": {"select": "random", "like": "ns-k95"}}
    assert made["inverse-k80"] == {"masks": {"select": "inverse", "like": "random-k80"}}


def test_several_lists_are_every_combination():
    made = expanded({"ns": ns([80, 95]) | {"training": {"seed": [1, 2, 3]}}}, RULES)
    assert list(made) == [f"ns-k{k}-seed{seed}" for k in (80, 95) for seed in (1, 2, 3)]
    assert made["ns-k95-seed2"] == ns(95) | {"training": {"seed": 2}}


def test_names_of_systems_and_criteria_stand_alone():
    made = expanded({"a": ns(80), "b": {"masks": {"select": ["wanda", "fisher"], "like": ["a", "c"]}}}, RULES)
    assert list(made) == ["a", "b-wanda-a", "b-wanda-c", "b-fisher-a", "b-fisher-c"]


def test_each_of_a_list_that_is_copied_may_be_several():
    made = expanded({"a": ns([80, 95]), "b": {"masks": {"select": "random", "like": ["a", "c"]}}, "c": ns(50)}, RULES)
    assert list(made) == ["a-k80", "a-k95", "b-a-k80", "b-a-k95", "b-c", "c"]


def test_lists_that_a_setting_takes_stay():
    one = {"ns": ns(95, components=["encoder", "decoder"])}
    assert expanded(one, RULES) == one


@given(st.lists(st.integers(1, 100), min_size=1, max_size=6, unique=True))
def test_as_if_each_was_written_by_hand(values: list[int]):
    written = {f"ns-k{k}": ns(k) for k in values}
    assert expanded({"ns": ns(values)}, RULES) == written


@pytest.mark.parametrize(
    ("systems", "said"),
    [
        ({"ns": ns([])}, r"systems\.ns\.masks\.k: an empty list"),
        ({"ns": ns([80]), "ns-k80": ns(80)}, "two systems are called ns-k80"),
        ({"ns": ns([80, 80])}, "two systems are called ns-k80"),
        ({"ns": ns(["a b"])}, "makes no name"),
        ({"ns": ns([{"en-x": 1}])}, "makes no name"),
        ({"ns": ns([80, 200])}, r"systems\.ns-k200\.masks\.k"),
        ({"ns": ns(95) | {"trainin": [1]}}, "unknown key trainin"),
    ],
)
def test_refused(systems: dict[str, Any], said: str):
    with pytest.raises(UserError, match=said):
        configuration.complete({"run": "x", "languages": {"table": "t"}, "systems": systems}, SCHEMA)


def test_a_circle_is_left_to_the_check_of_masks():
    like = {one: {"masks": {"select": "random", "like": other}} for one, other in (("a", "b"), ("b", "a"))}
    assert expanded(like, RULES) == like


def test_lines_are_systems_that_differ_in_k_alone():
    systems = {"ns": ns(95), "ns-k80": ns(80), "random": {"masks": {"select": "random", "like": "ns"}}, "baseline": {}}
    systems |= {"random-k80": {"masks": {"select": "random", "like": "ns-k80"}}, "alone-k5": ns(5)}
    systems |= {"split": ns({"en-x": {"encoder": 95}}), "dense": {"continue": True}}
    assert lines(systems) == {"ns": {80: "ns-k80", 95: "ns"}, "random": {80: "random-k80", 95: "random"}}
