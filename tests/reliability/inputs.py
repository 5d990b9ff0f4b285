"""Malformed inputs, each with the words that its message must have; tried in this process, so hundreds take seconds."""

from __future__ import annotations

import copy
import gzip
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.reliability.bad import BEFORE, Bad, of_file
from tests.reliability.given_inputs import of_given
from workflow_scripts import configuration, schema
from workflow_scripts.configuration_files import check as check_files
from workflow_scripts.corpus.check import check_text
from workflow_scripts.corpus.symbols import read_symbols
from workflow_scripts.direction import Direction
from workflow_scripts.languages import read_languages
from workflow_scripts.run import Run
from workflow_scripts.scoring import published
from workflow_scripts.scoring.existing import direction_files, read_direction

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "config/schema.yaml"
BASE = {
    "run": "test",
    "languages": {"table": "config/languages/ec30.tsv", "codes": ["en", "de", "nl"]},
    "systems": {"baseline": {}, "ns": {"masks": {"select": "cumulative", "k": 95}}},
}
PAIR = Direction("en", "de")


def of_key(path: tuple[str, ...], value: Any) -> Callable[[Path], Any]:
    """An attempt: the base configuration with another value for one key."""

    def attempt(_: Path) -> None:
        made = copy.deepcopy(BASE)
        place = made
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
        Run.from_config(configuration.complete(made, SCHEMA), ROOT)

    return attempt


def leaves(rules: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every key of the schema that has a type and no keys below it."""
    for name, rule in rules.get("properties", {}).items():
        here = (*path, name)
        if rule.get("properties"):
            yield from leaves(rule, here)
        elif "type" in rule and "$ref" not in rule:
            yield here, rule


def of_schema() -> Iterator[Bad]:
    """For every key: not a number, an infinite number, a line end, another type, too small."""
    rules = schema.load(SCHEMA)
    for path, rule in leaves(rules):
        types, key = rule["type"] if isinstance(rule["type"], list) else [rule["type"]], ".".join(path)
        values: list[tuple[str, Any, str]] = [("another type", {"a": [[]]}, key)]
        if {"integer", "number"} & set(types):
            values += [("not a number", float("nan"), "is no number"), ("infinite", float("inf"), "is no number")]
            values += [("a word", "many", key), ("an exponent as text", "1e3", "write 1.0e+3")]
            if rule.get("minimum", rule.get("exclusiveMinimum")) is not None:
                values.append(("below its minimum", -1, key))
        if "string" in types:
            values += [("a line end", "name\n", "line end"), ("a NUL", "a\0b", "control character")]
        if "boolean" in types:
            values.append(("a word", "perhaps", key))
        for what, value, says in values:
            if "object" in types and what == "another type":
                value = [[]]
            yield Bad("configuration", f"{key}: {what}", of_key(path, value), says)
    for number, text in enumerate(("a b", "../up", "/etc", "a/b", "", "-x", ".", "a\n", "a;b", "$(x)", "`x`", "a{b}")):
        yield Bad("configuration", f"run {number}: {text!r}", of_key(("run",), text), "run")
        yield Bad("configuration", f"system {number}: {text!r}", of_key(("systems",), {text: {}}), "systems")
        sets = of_key(("test_sets",), {text: "x"})
        yield Bad("configuration", f"test set {number}: {text!r}", sets, "test_sets")
    for code in ("en-de-fr", "en", "en-en", "", "en-xx", "en-$(x)", "en-de\n"):
        yield Bad("configuration", f"pairs {code!r}", of_key(("pairs",), [code]), "pairs")
    for path in ("a{b}", "{", "x}y"):
        yield Bad("configuration", f"outputs {path}", of_key(("outputs",), path), "outputs")


HEAD = "code\tname\tfamily\tscript\ttier\n"
TABLES = {
    "empty": (b"", "line 1: the columns"),
    "other columns": (b"a,b\n", "line 1: the columns"),
    "commas": (HEAD.replace("\t", ",").encode(), "line 1: the columns"),
    "short row": (f"{HEAD}en\tEnglish\n".encode(), "line 2: 5 tab-separated"),
    "long row": (f"{HEAD}en\tE\tG\tL\t\t\n".encode(), "line 2: 5 tab-separated"),
    "twice": (f"{HEAD}en\tE\tG\tL\t\nen\tE\tG\tL\t\n".encode(), "line 3: language en stands twice"),
    "shell code": (f"{HEAD}q$(touch X)\tE\tG\tL\t\n".encode(), "letters, digits and _ only"),
    "a path": (f"{HEAD}../x\tE\tG\tL\t\n".encode(), "letters, digits and _ only"),
    "no code": (f"{HEAD}\tE\tG\tL\t\n".encode(), "letters, digits and _ only"),
    "a brace": (f"{HEAD}a{{b}}\tE\tG\tL\t\n".encode(), "letters, digits and _ only"),
    "a hyphen": (f"{HEAD}en-US\tE\tG\tL\t\n".encode(), "letters, digits and _ only"),
    "Latin-1": (f"{HEAD}fr\tFrançais\tG\tL\t\n".encode("latin-1"), "not UTF-8"),
    "UTF-16": (HEAD.encode("utf-16"), "not UTF-8"),
}
CONFIGURATIONS = {
    "a key twice": (b"run: x\nseed: 1\nrun: y\n", "line 3: run stands on line 1"),
    "a key twice below": (b"systems:\n  ns: {}\n  ns: {}\n", "line 3: systems.ns stands on line 2"),
    "a tab": (b"run: x\nseed:\t1\n", "line 2, column 6: this is no YAML"),
    "not closed": (b"systems: {ns: {}\n", "this is no YAML"),
    "two documents": (b"a: 1\n---\nb: 2\n", "this is no YAML"),
    "an unknown alias": (b"a: *b\n", "line 1, column 4: this is no YAML"),
    "Latin 1": (b"run: caf\xe9\n", "line 1: this is not UTF-8"),
}
SCORES = {
    "empty": ("", "line 1: the columns"),
    "no rows": ("system,pair,metric,score\n", "has no scores"),
    "no score": ("system,pair,metric,score\nns,en-de,BLEU,\n", "no finite number"),
    "a word": ("system,pair,metric,score\nns,en-de,BLEU,abc\n", "no finite number"),
    "nan": ("system,pair,metric,score\nns,en-de,BLEU,nan\n", "no finite number"),
    "infinite": ("system,pair,metric,score\nns,en-de,BLEU,1e999\n", "no finite number"),
    "no pair": ("system,pair,metric,score\nns,ende,BLEU,1\n", "line 2"),
    "no metric": ("system,pair,metric,score\nns,en-de,BLUE,1\n", "there is no metric BLUE"),
    "no system": ("system,pair,metric,score\n,en-de,BLEU,1\n", "are needed"),
    "short": ("system,pair,metric,score\nns,en-de\n", "are needed"),
    "long": ("system,pair,metric,score\nns,en-de,BLEU,1,2\n", "are needed"),
    "twice": ("system,pair,metric,score\nns,en-de,BLEU,1\nns,en-de,BLEU,1\n", "twice"),
    "tabs": ("system\tpair\tmetric\tscore\n", "line 1: the columns"),
    "a formula": ("system,pair,metric,score\n=HYPERLINK(1),en-de,BLEU,1\n", "take for a formula"),
}
DICTIONARIES = {
    "no count": (b"a\n", "line 1"),
    "a word": (b"a b\n", "line 1"),
    "negative": (b"a -1\n", "line 1"),
    "twice": (b"a 1\na 1\n", "line 2"),
    "empty line": (b"a 1\n\nb 1\n", "line 2"),
    "Latin-1": ("é 1\n".encode("latin-1"), "not UTF-8"),
    "special": (b"<s> 1\n", "line 1"),
}
GOOD = b"S-0\ta\nT-0\tb\nH-0\t-0.5\tc\n"
TRANSLATIONS = {
    "empty": (b"", "has no S-, T- and H- lines"),
    "something else": (b"hello\n", "has no S-, T- and H- lines"),
    "no hypothesis": (b"S-0\ta\nT-0\tb\n", "has no H line"),
    "no source": (b"T-0\tb\nH-0\t-0.5\tc\n", "has no S line"),
    "no score": (b"S-0\ta\nT-0\tb\nH-0\tc\n", "has no score"),
    "empty reference": (b"S-0\ta\nT-0\t\nH-0\t-0.5\tc\n", "reference of sentence 0 is empty"),
    "twice": (GOOD + GOOD, "stands twice"),
    "a gap": (GOOD + GOOD.replace(b"-0\t", b"-2\t"), "sentence 1 is missing"),
    "Latin-1": (GOOD + "S-1\té\n".encode("latin-1"), "generate-test.txt"),
}
TEXTS = {
    "empty": (b"", "train.en-de.en"),
    "Latin-1": ("é\n".encode("latin-1"), "UTF-8"),
    "UTF-16": ("a\n".encode("utf-16"), "train.en-de.en"),
    "two lines": (b"a\nb\n", "lines"),
}


def _text(path: Path) -> None:
    path.with_name("train.en-de.de").write_bytes(b"a\n")
    check_text(path.parent, [PAIR], ["train"])


def _spbleu(content: bytes, folder: Path) -> None:
    (folder / "s.model").write_bytes(content)
    of_key(("score", "spbleu"), str(folder / "s.model"))(folder)


def of_files() -> Iterator[Bad]:
    """Tables, texts, dictionaries and translations, plain and as files of other kinds."""
    for name, (content, says) in TABLES.items():
        yield Bad("language tables", name, of_file("t.tsv", content, read_languages), says)
    for name, (text, says) in CONFIGURATIONS.items():
        yield Bad("configuration files", name, of_file("run.yaml", text, lambda path: check_files([path])), says)
    for name, (text, says) in SCORES.items():
        yield Bad("published scores", name, of_file("p.csv", text.encode(), published.read), says)
    for name, (content, says) in DICTIONARIES.items():
        read = of_file("dict.txt", content, lambda path: read_symbols(path, []))
        yield Bad("dictionaries", name, read, says, BEFORE)
    for name, (content, says) in TRANSLATIONS.items():
        read = of_file("generate-test.txt", content, lambda path: read_direction(direction_files(path.parent)))
        yield Bad("translations", name, read, says, BEFORE)
    for name, (content, says) in TEXTS.items():
        yield Bad("text", name, of_file("train.en-de.en", content, _text), says, BEFORE)
    for name, content in {"empty": b"", "text": b"pieces\n", "packed": gzip.compress(b"x")}.items():
        yield Bad(
            "SentencePiece models", f"of spBLEU: {name}", partial(_spbleu, content), "is not a SentencePiece model"
        )
    packed = gzip.compress(b"a\n" * 1000)[:-9]
    yield Bad("text", "a cut gzip file", of_file("train.en-de.en.gz", packed, _text), "train.en-de.en", BEFORE)


INPUTS = [*of_schema(), *of_files(), *of_given()]
