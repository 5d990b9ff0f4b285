"""Where the text of test sets may lie: every layout, what is offered, what is refused."""

from __future__ import annotations

import pytest

from workflow_scripts.corpus import test_sets
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError

PAIR = Direction("en", "de")
LAYOUTS = {
    "pairs": ["test.en-de.en", "test.en-de.de.gz"],
    "pairs, other order": ["test.de-en.en.gz", "test.de-en.de"],
    "multi-parallel": ["test.en.gz", "test.de"],
    "bare": ["en", "de.gz"],
    "bare, with an ending": ["en.txt.gz", "de.txt"],
}


def fill(folder, names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x\n")
    return folder


@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_is_found_in_the_order_of_the_direction(tmp_path, names):
    fill(tmp_path, [*names, "test.fr-es.fr", "README.md", "test.docid.gz"])
    assert [path.name for path in test_sets.find(tmp_path, "test", PAIR)] == names
    assert [path.name for path in test_sets.find(tmp_path, "test", PAIR.reverse)] == names[::-1]
    offered = test_sets.available(tmp_path, "test", parse_all("fr-en,en-de,de-en,es-fr"))
    assert offered == [PAIR, PAIR.reverse]
    assert test_sets.existing(tmp_path, "test", offered) == sorted(str(tmp_path / name) for name in names)


def test_a_split_is_told_from_another(tmp_path):
    fill(tmp_path, ["valid.en", "valid.de", "test.en"])
    assert test_sets.available(tmp_path, "valid", [PAIR]) == [PAIR]
    assert test_sets.available(tmp_path, "test", [PAIR]) == []


def test_what_is_missing_is_named(tmp_path):
    fill(tmp_path, ["test.en-de.en", "test.en"])
    with pytest.raises(UserError) as caught:
        test_sets.find(tmp_path, "test", PAIR)
    for words in ("test text of en-de", "test.en-de.en and test.en-de.de", "test.en and test.de", "en and de[.txt]"):
        assert words in str(caught.value)


def test_pairs_go_before_a_file_per_language_and_two_of_a_kind_are_refused(tmp_path):
    fill(tmp_path, [*LAYOUTS["pairs"], *LAYOUTS["multi-parallel"]])
    assert test_sets.find(tmp_path, "test", PAIR)[1].name == "test.en-de.de.gz"
    fill(tmp_path, ["test.en-de.de"])
    with pytest.raises(UserError, match=r"test\.en-de\.de and test\.en-de\.de\.gz are both there"):
        test_sets.find(tmp_path, "test", PAIR)


def test_real_folders(shared):
    codes = ("de", "hi", "oc", "zz")
    directions = [Direction("en", code) for code in codes] + [Direction(code, "en") for code in codes]
    offered = test_sets.available(shared / "data/ntrex", "test", [*directions, Direction("de", "hi")])
    assert list(map(str, offered)) == ["en-de", "en-hi", "de-en", "hi-en", "de-hi"]
    assert test_sets.available(shared / "data/multi", "test", directions) == parse_all("en-hi,en-oc,hi-en,oc-en")
    zeroshot = shared / "data/multi/zeroshot"
    assert test_sets.available(zeroshot, "test", parse_all("nl-da,da-nl,en-nl")) == parse_all("nl-da,da-nl")
