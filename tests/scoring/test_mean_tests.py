"""Means over directions are tested by the line: which lines directions share, which means there are, the command."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.scoring.test_significance import statistics
from tests.scoring.test_significance import write as write_segments
from workflow_scripts.direction import Direction
from workflow_scripts.scoring import outcomes
from workflow_scripts.scoring.mean_tests import groups, shared_lines

from .test_tables import LANGUAGES

ENGLISH = ["the cat", "the dog", "a house", "a tree"]


def of(code, lines=ENGLISH):
    return [f"{code} {line}" for line in lines]


def numbered(texts):
    found = shared_lines({Direction.parse(pair): sides for pair, sides in texts.items()}, "en")
    return {str(pair): numbers.tolist() for pair, numbers in found.items()}


def test_a_multi_parallel_set_has_every_line_once():
    texts = {"en-nl": (ENGLISH, of("nl")), "en-de": (ENGLISH, of("de")), "de-en": (of("de"), ENGLISH)}
    texts |= {"nl-de": (of("nl"), of("de"))}
    assert set(map(tuple, numbered(texts).values())) == {(0, 1, 2, 3)}


def test_directions_share_the_lines_that_they_both_have():
    some = ["a house", "an apple", "the  Cat"]
    found = numbered({"en-nl": (ENGLISH, of("nl")), "en-de": (some, of("de", some))})
    assert found == {"en-nl": [0, 1, 2, 3], "en-de": [2, 4, 0]}, "in any order, whatever spaces and case"


def test_the_directions_of_a_pair_share_their_lines_however_they_are_shown():
    texts = {"en-nl": (ENGLISH, of("nl")), "nl-en": (of("nl"), [f'" {line}' for line in ENGLISH])}
    assert numbered(texts)["nl-en"] == [0, 1, 2, 3]


def test_other_texts_have_lines_of_their_own():
    texts = {"en-nl": (ENGLISH, of("nl")), "en-de": (of("other"), of("de"))}
    texts |= {"es-de": (of("es"), of("x")), "de-es": (of("x"), of("es")), "nl-es": (of("nl"), of("es"))}
    found = numbered(texts)
    assert found["en-de"] == [4, 5, 6, 7]
    assert found["es-de"] == found["de-es"] == [8, 9, 10, 11]
    assert found["nl-es"] == found["en-nl"], "found by its Dutch side"


def test_a_sentence_that_stands_twice_is_one_line():
    lines = ["the cat", "a tree", "the cat"]
    assert numbered({"en-nl": (lines, of("nl", lines))}) == {"en-nl": [0, 1, 0]}


def test_the_means_are_those_of_the_summary():
    pairs = [Direction.parse(pair) for pair in ("en-nl", "en-es", "nl-en", "nl-es")]
    found = {place: weights.tolist() for place, weights in groups(pairs, LANGUAGES, "en").items()}
    assert found == {
        ("High", "O2M"): [1, 0, 0, 0],
        ("High", "M2O"): [0, 0, 1, 0],
        ("High", "Avg"): [0.5, 0, 0.5, 0],
        ("Low", "O2M"): [0, 1, 0, 0],
        ("All", "O2M"): [0.5, 0.5, 0, 0],
        ("All", "M2O"): [0, 0, 1, 0],
        ("All", "Avg"): [0.25, 0.25, 0.5, 0],
        ("All", "X2Y"): [0, 0, 0, 1],
    }


@pytest.fixture
def scored(tmp_path):
    """Segments and texts of two systems, the same in three directions."""
    lines = [f"een kat zit op mat nummer {number}" for number in range(30)]
    generator = np.random.default_rng(2)
    for system, share in (("ns", 0.2), ("baseline", 0.5)):
        wrong = [line.replace("kat", "hond") if generator.random() < share else line for line in lines]
        for pair in ("en-nl", "en-de", "nl-en"):
            path = tmp_path / f"scores/{system}/{pair}.segments.parquet"
            write_segments(path, statistics(wrong, lines), system)
            for side in ("src", "ref"):
                text = tmp_path / f"translations/{system}/{pair}.{side}.txt"
                text.parent.mkdir(parents=True, exist_ok=True)
                text.write_text("".join(f"{line}\n" for line in lines))
    header = "code\tname\tfamily\tscript\ttier\n"
    table = "".join("\t".join([*vars(language).values()][:5]) + "\n" for language in LANGUAGES.values())
    (tmp_path / "languages.tsv").write_text(header + table)
    return tmp_path


def means(command, folder, *options, pairs="en-nl,en-de,nl-en"):
    """Run the command; whether the file was written, and what it says."""
    path = folder / "significance/baseline/ns/means.json"
    before = path.stat().st_ino if path.exists() else None
    command(
        *("significance_means", "--system", "ns", "--against", "baseline", "--pairs", pairs, "--seed", 1),
        *("--ours", folder / "scores/ns", "--theirs", folder / "scores/baseline"),
        *("--texts", folder / "translations/ns", "--languages", folder / "languages.tsv"),
        *("--bootstrap", 50, "--randomization", 99, "--output", path, *options),
    ).ok()
    return path.stat().st_ino != before, json.loads(path.read_text())["results"]


def test_alike_directions_have_the_p_of_one(command, scored):
    """Three times the same direction on the same lines tells no more than one."""
    written, results = means(command, scored)
    assert written
    found = {(row["type"], row["test"]): row for row in results if (row["name"], row["tier"]) == ("BLEU", "All")}
    rows = means(command, scored, pairs="en-nl")[1]
    single = {(row["type"], row["test"]): row for row in rows if row["name"] == "BLEU"}
    alone = single["O2M", "randomization"]
    assert found["Avg", "randomization"]["p"] == found["O2M", "randomization"]["p"] == alone["p"]
    assert found["Avg", "randomization"]["difference"] == pytest.approx(alone["difference"])
    interval = found["Avg", "bootstrap"]
    assert interval["low"] < interval["difference"] < interval["high"]
    assert (interval["p"], found["Avg", "randomization"]["low"]) == (None, None)


def test_means_are_tested_once_and_again_for_other_lines(command, scored):
    assert means(command, scored)[0]
    assert not means(command, scored)[0]
    assert means(command, scored, "--randomization", 0)[0]
    means(command, scored)
    text = scored / "translations/ns/en-de.src.txt"
    text.write_text("".join(f"other {line}\n" for line in text.read_text().splitlines()))
    assert means(command, scored)[0], "a direction with lines of its own"
    assert not means(command, scored)[0]


def test_means_are_corrected_over_systems(tmp_path):
    for system, p in (("ns", 0.02), ("random", 0.03), ("dense", 0.9)):
        entry = {"name": "BLEU", "text": "raw", "tier": "All", "type": "Avg", "test": "randomization", "samples": 99}
        entry |= {"seed": 1, "score": 2.0, "against_score": 1.0, "difference": 1.0, "low": None, "high": None, "p": p}
        path = tmp_path / f"baseline/{system}/means.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"against": "baseline", "system": system, "results": [entry]}))
    rows = outcomes.read_means(tmp_path, "baseline", "test", ["ns", "random", "dense"], "chrF++")
    assert [(row["p_holm"], row["outcome"], row["primary"]) for row in rows] == [
        (pytest.approx(0.06), "tie", False),
        (pytest.approx(0.06), "tie", False),
        (pytest.approx(0.9), "tie", False),
    ]
    assert outcomes.read_means(tmp_path, "baseline", "test", ["ns"], "BLEU")[0]["outcome"] == "win"
