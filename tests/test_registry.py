"""Open doors: entries by name, unknown names, and what the schema and command lines make of a registration."""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import dataclass, field

import pytest
import yaml

from tests.test_configuration import SCHEMA
from workflow_scripts import registry, schema
from workflow_scripts.command_line import add_options, as_options
from workflow_scripts.errors import UserError
from workflow_scripts.registry import Registry
from workflow_scripts.schema import REGISTRIES

SIZE = {"type": "integer", "description": "How many."}
K = {"type": "number", "description": "K %."}


@dataclass(frozen=True)
class Way:
    summary: str
    options: dict = field(default_factory=dict)


@pytest.fixture
def ways(monkeypatch):
    """A registry of two entries, one module each."""
    modules = {
        "workflow_scripts.ways.first": Way("the first", {"size": SIZE}),
        "workflow_scripts.ways.second": Way("the second", {"size": SIZE, "k": K}),
    }
    monkeypatch.setattr(registry, "import_module", lambda name: argparse.Namespace(WAY=modules[name]))
    return Registry("way", "ways", "WAY", {"1st": "first", "2nd": "second"})


def test_entries_by_name(ways):
    assert list(ways) == ["1st", "2nd"]
    assert ways["2nd"].summary == "the second"
    assert ways.module("1st") == "ways.first"
    assert "3rd" not in ways


@pytest.mark.parametrize("ask", [lambda ways: ways["3rd"], lambda ways: ways.module("3rd")])
def test_an_unknown_name_raises_and_lists_the_known_ones(ways, ask):
    with pytest.raises(UserError, match="there is no way 3rd; there are 1st, 2nd"):
        ask(ways)


def test_the_settings_of_all_entries_say_who_takes_them(ways):
    assert {name: rule["description"] for name, rule in ways.options().items()} == {
        "size": "(1st, 2nd) How many.",
        "k": "(2nd) K %.",
    }


def test_one_setting_means_one_thing(ways, monkeypatch):
    ways.modules["3rd"] = "third"
    other = Way("odd", {"size": {"type": "string", "description": "How long."}})
    find = registry.import_module
    monkeypatch.setattr(
        registry, "import_module", lambda name: argparse.Namespace(WAY=other) if "third" in name else find(name)
    )
    with pytest.raises(ValueError, match="size means one thing to 1st and another to 3rd"):
        ways.options()


def test_the_schema_takes_registered_names_and_their_settings(ways, monkeypatch, tmp_path):
    monkeypatch.setattr(schema, "REGISTRIES", {"ways": ways})
    path = tmp_path / "schema.yaml"
    path.write_text(
        "properties:\n  way: {registered: ways, description: How.}\n  last: {type: string}\n"
        "$defs:\n  deep:\n    properties:\n      several: {type: array, items: {registered: ways}}\n"
    )
    rules = schema.load(path)
    assert list(rules["properties"]) == ["way", "size", "k", "last"]
    assert rules["properties"]["way"] == {
        "enum": ["1st", "2nd"],
        "description": "How. 1st - the first; 2nd - the second.",
    }
    assert rules["$defs"]["deep"]["properties"]["several"]["items"] == {"enum": ["1st", "2nd"]}
    assert "k" in rules["$defs"]["deep"]["properties"]


def test_entries_that_their_settings_tell_apart(ways, monkeypatch, tmp_path):
    monkeypatch.setattr(schema, "REGISTRIES", {"ways": ways})
    path = tmp_path / "schema.yaml"
    path.write_text("properties:\n  one: {registered: ways, properties: {last: {type: string}}}\n")
    rules = schema.load(path)["properties"]["one"]
    assert rules == {
        "properties": {"size": SIZE, "k": K, "last": {"type": "string"}},
        "description": "1st - the first; 2nd - the second.",
    }
    # What is filled in is the schema's own.
    rules["properties"]["size"]["default"] = 3
    assert "default" not in SIZE


def test_every_mark_of_the_schema_is_a_registry_and_none_is_left():
    assert "registered" not in str(schema.load(SCHEMA))
    options = [registry.options() for registry in REGISTRIES.values()]
    text = SCHEMA.read_text(encoding="utf-8") + yaml.safe_dump(json.loads(json.dumps(options)))
    assert {name for name in REGISTRIES if f"registered: {name}" in text} == set(REGISTRIES)


def test_settings_make_the_way_to_a_command_line_and_back():
    schemas = {
        "max_size": SIZE,
        "k": {"oneOf": [{"type": "number"}, {"type": "object"}], "description": "100 % or less."},
        "names": {"type": "array", "items": {"type": "string"}, "description": "Names."},
        "mode": {"enum": ["a", "b"], "description": "Which."},
        "share": {"type": "number", "description": "A share."},
    }
    parser = argparse.ArgumentParser()
    add_options(parser, schemas)
    settings = {"max_size": 3, "k": {"en-x": 95.1}, "names": ["x", "y z"], "mode": "b", "share": 0.25}
    assert vars(parser.parse_args(shlex.split(as_options(settings)))) == settings
    assert set(vars(parser.parse_args([])).values()) == {None}
    assert "100 % or less." in parser.format_help()
