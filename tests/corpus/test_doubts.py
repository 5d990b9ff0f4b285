"""What may not be meant is told with figures, where it is sure and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT, call, synthetic
from tests.corpus.test_databin_content import SENTENCES, write
from workflow_scripts.corpus.databin_content import count_long
from workflow_scripts.corpus.doubts import Place, Sides, check_known, doubts, of_skipped, seen
from workflow_scripts.corpus.parallel import SPLITS, find
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError
from workflow_scripts.languages import read_languages


def texts(folder: Path, pairs: list[Direction]) -> dict[Place, Sides]:
    return {(str(pair), split): seen(find(folder, split, pair), pair) for pair in pairs for split in SPLITS}


def exchanged(found: dict[Place, Sides], place: Place) -> dict[Place, Sides]:
    return found | {place: replace(found[place], sides=found[place].sides[::-1])}


@pytest.fixture(scope="module")
def invented(tmp_path_factory) -> dict[Place, Sides]:
    """Text of the synthetic corpus, whose languages are all in Latin script."""
    folder = tmp_path_factory.mktemp("text")
    sizes = {"train": {"high": 200, "medium": 150}, "valid": 60}
    table = ("--languages", ROOT / "config/languages/synthetic.tsv", "--pairs", "en-qa,en-qe")
    call("make_text", *table, *synthetic(sizes), "--seed", 5, "--output", folder).ok()
    return texts(folder, parse_all("en-qa,en-qe"))


def test_of_sound_text_nothing_is_said(invented):
    assert list(doubts(invented, {})) == []


@pytest.mark.parametrize("place", [("en-qa", "train"), ("en-qa", "valid"), ("en-qe", "train"), ("en-qe", "valid")])
def test_sides_that_are_exchanged_are_found_by_the_other_texts(invented, place):
    said = [each for each in doubts(exchanged(invented, place), {}) if each.startswith(" ".join(place))]
    assert said[0].startswith(f"{place[0]} {place[1]}: its en is like {place[0][3:]} in the other texts (0.")
    assert said[0].endswith("; are the sides exchanged?")


def test_real_text_gives_no_false_alarm_and_every_exchange_is_found(shared):
    """Fifteen pairs, by trigrams alone and with the scripts; exchanged are hard ones and an easy one."""
    languages = read_languages(ROOT / "config/languages/multi.tsv")
    scripts = {code: language.script for code, language in languages.items()}
    pairs = [Direction("en", code) for code in languages if (shared / f"data/multi/valid.en-{code}.en.gz").exists()]
    found = texts(shared / "data/multi", pairs)
    assert len(found) == 30
    for known in ({}, scripts):
        assert list(doubts(found, known)) == []
        for code in ("da", "nl", "es", "ru"):
            (said,) = doubts(exchanged(found, (f"en-{code}", "train")), known)
            assert said.startswith(f"en-{code} train")


def of_lines(folder: Path, first: list[str], second: list[str]) -> Sides:
    folder.mkdir(exist_ok=True)
    for name, lines in (("a", first), ("b", second)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return seen((folder / "a", folder / "b"), Direction("en", "ru"))


def test_sides_in_each_others_script_are_told_without_other_texts(tmp_path):
    english, russian = ["a sentence in english"] * 100, ["предложение по русски"] * 100
    scripts = {"en": "Latin", "ru": "Cyrillic"}
    place = ("en-ru", "train")
    assert list(doubts({place: of_lines(tmp_path, english, russian)}, scripts)) == []
    (said,) = doubts({place: of_lines(tmp_path, russian, english)}, scripts)
    assert "100% of the letters of en are Cyrillic and 100% of the letters of ru are Latin" in said
    # Neither with scripts that are not known, nor on the strength of a few letters.
    assert list(doubts({place: of_lines(tmp_path, russian, english)}, {"en": "Latin", "ru": ""})) == []
    assert not any(
        "exchanged" in said for said in doubts({place: of_lines(tmp_path, russian[:9], english[:9])}, scripts)
    )


def test_copies_and_sizes(tmp_path):
    lines = [f"line {number}" for number in range(200)]
    said = list(doubts({("en-ru", "train"): of_lines(tmp_path, lines, [*lines[:10], *["x"] * 190])}, {}))
    assert said == ["en-ru train: 10 of 200 (5%) lines are the same on both sides; is one of them translated?"]
    assert not list(doubts({("en-ru", "train"): of_lines(tmp_path, lines, [*lines[:9], *["x"] * 191])}, {}))
    one = of_lines(tmp_path, ["a"], ["a"])
    assert list(doubts({("en-ru", "train"): one, ("en-ru", "valid"): one}, {})) == [
        "en-ru has 1 training sentence, hardly enough to learn from",
        "en-ru is validated on 1 sentence",
    ]


def test_what_is_left_out_is_told_when_it_is_much():
    assert list(of_skipped("en-ru", {"empty": 5, "length": 5}, 100)) == []
    assert list(of_skipped("en-ru", {"empty": 0, "length": 8, "ratio": 3}, 100)) == [
        "en-ru: 11 of 100 (11%) training lines are left out (length 8, ratio 3)"
    ]


def test_a_dictionary_of_another_model_is_refused():
    check_known("en-ru", "train", 50, 100)
    with pytest.raises(UserError, match=r"does not know 51 of 100 \(51%\) pieces, so it is of another"):
        check_known("en-ru", "train", 51, 100)


def test_sentences_that_do_not_fit_the_models_positions(tmp_path):
    sides = tuple(write(tmp_path / name, SENTENCES) for name in "ab")
    longest = max(map(len, SENTENCES))
    # With the language tag, which training adds.
    assert count_long(sides, longest + 1) == 0
    assert count_long(sides, longest) == int(np.sum([len(each) == longest for each in SENTENCES]))


def test_the_steps_say_it(tmp_path):
    lines = [f"line number {number}" for number in range(120)]
    for split in SPLITS:
        for code in ("en", "ru"):
            (tmp_path / f"{split}.en-ru.{code}").write_text("\n".join(lines if split == "train" else ["ok"]) + "\n")
    options = ("--folder", tmp_path, "--pairs", "en-ru")
    said = call("check_text", *options, "--splits", "train,valid", "--output", tmp_path / "checked.json").ok().out
    assert "[check] WARNING: en-ru train: 120 of 120 (100%) lines are the same on both sides" in said
    assert "[check] WARNING: en-ru is validated on 1 sentence\n" in said
    settings = {"punctuation": False, "min_words": 1, "max_words": 2, "max_ratio": 3, "held_out": []}
    longer = (lines[:20], [f"line{number}" for number in range(100)])
    for code in ("en", "ru"):
        (tmp_path / f"train.en-ru.{code}").write_text("\n".join([*longer[0], *longer[1]]) + "\n")
    options = ("--folder", tmp_path, "--pair", "en-ru", "--pairs", "en-ru", "--settings", json.dumps(settings))
    said = call("clean", *options, "--output", tmp_path / "clean").ok().out
    assert "[clean] WARNING: en-ru: 20 of 120 (17%) training lines are left out (length 20)" in said
