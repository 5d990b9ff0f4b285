"""The check of parallel text: what cannot be used is refused, with file, line and remedy."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from workflow_scripts.corpus import parallel
from workflow_scripts.corpus.check import check_text
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError

PAIR = Direction("en", "de")
SPLITS = ("train", "valid", "test")
TRAINING = ["train", "valid"]


@pytest.fixture
def folder(tmp_path):
    """A small good corpus: plain and packed files."""
    for split in SPLITS:
        (tmp_path / f"{split}.en-de.en").write_text("One.\nTwo.\nThree.\n")
        with gzip.open(tmp_path / f"{split}.en-de.de.gz", "wt", encoding="utf-8") as file:
            file.write("Eins.\nZwei.\nDreißig.\n")
    return tmp_path


def refused(folder, *words, pairs=(PAIR,)):
    with pytest.raises(UserError) as caught:
        check_text(folder, list(pairs), list(SPLITS))
    for word in words:
        assert word in str(caught.value)
    return str(caught.value)


def test_good_text(folder):
    assert check_text(folder, [PAIR], list(SPLITS)) == {"en-de": {"train": 3, "valid": 3, "test": 3}}
    assert check_text(folder, [PAIR], TRAINING) == {"en-de": {"train": 3, "valid": 3}}


def test_either_order_of_the_pair(folder):
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("en-de", "de-en"))
    assert check_text(folder, [PAIR], list(SPLITS))["en-de"]["test"] == 3
    first, second = parallel.find(folder, "test", PAIR)
    assert (first.name, second.name) == ("test.de-en.en", "test.de-en.de.gz")


def test_no_folder(tmp_path):
    refused(tmp_path / "nowhere", "nowhere", "text=FOLDER")


def test_all_missing_files_at_once(folder):
    (folder / "valid.en-de.en").unlink()
    names = ("valid.en-de.en", "train.en-fr.en", "test.en-fr.en")
    refused(folder, *names, "leave out the pair", pairs=[PAIR, Direction("en", "fr")])


def test_two_candidates(folder):
    (folder / "test.de-en.en").write_text("One.\n")
    refused(folder, "test.en-de.en", "test.de-en.en", "keep one")


def test_unequal_line_counts(folder):
    (folder / "train.en-de.en").write_text("One.\nTwo.\n")
    refused(folder, "train.en-de.en has 2 lines", "train.en-de.de.gz has 3", "line 3")


@pytest.mark.parametrize("split", SPLITS)
def test_empty_file(folder, split):
    (folder / f"{split}.en-de.en").write_text("")
    refused(folder, f"{split}.en-de.en: the file is empty")


def test_only_empty_lines(folder):
    (folder / "train.en-de.en").write_text("\n\u200b\n \n")
    refused(folder, "train.en-de.en: has only empty lines")


def test_empty_line_counts_in_valid_and_test_only(folder):
    (folder / "train.en-de.en").write_text("One.\n\nThree.\n")
    assert check_text(folder, [PAIR], list(SPLITS))
    (folder / "valid.en-de.en").write_text("One.\n\nThree.\n")
    refused(folder, "valid.en-de.en, line 2: is empty", "both sides")


def test_encoding(folder):
    (folder / "test.en-de.en").write_bytes(b"One.\nTw\xf6.\nThree.\n")
    refused(folder, "test.en-de.en, line 2: not UTF-8", "byte 3", "iconv")


def test_utf16(folder):
    (folder / "train.en-de.en").write_bytes("One.\nTwo.\nThree.\n".encode("utf-16-le"))
    refused(folder, "train.en-de.en, line 1", "UTF-16")


def test_carriage_return(folder):
    (folder / "train.en-de.en").write_bytes(b"One.\nTwo.\r\nThree.\n")
    refused(folder, "train.en-de.en, line 2", "carriage return", "dos2unix")


def test_control_character(folder):
    (folder / "test.en-de.en").write_bytes(b"One.\nTwo\x07.\nThree.\n")
    refused(folder, "test.en-de.en, line 2", "U+0007")


def test_damaged_gzip(folder):
    path = folder / "test.en-de.de.gz"
    path.write_bytes(path.read_bytes()[:-9])
    refused(folder, "test.en-de.de.gz", "damaged gzip")


def test_several_problems_are_told_together(folder):
    (folder / "valid.en-de.en").write_text("")
    (folder / "test.en-de.en").write_bytes(b"\xff\n")
    message = refused(folder, "valid.en-de.en", "test.en-de.en")
    assert message.count("\n") == 2


def test_files_of_pairs(folder):
    files = parallel.existing(folder, [PAIR])
    assert [Path(file).name for file in files] == [
        f"{split}.en-de.{end}" for split in TRAINING for end in ("de.gz", "en")
    ]
    (folder / "train.en-de.en.bak").write_text("")
    assert parallel.existing(folder, [PAIR.reverse]) == files


def test_a_test_set_may_be_multi_parallel_and_training_text_not(folder):
    for path in list(folder.glob("valid.*")):
        path.rename(folder / path.name.replace("en-de.", ""))
    assert check_text(folder, [PAIR], ["valid"]) == {"en-de": {"valid": 3}}
    with pytest.raises(UserError, match=r"there is no valid\.en-de\.en"):
        check_text(folder, [PAIR], TRAINING)


def test_only_line_feeds_end_lines(tmp_path):
    (tmp_path / "x").write_text("a\u2028b\x0bc\x85d\n\ne", encoding="utf-8")
    assert list(parallel.read_lines(tmp_path / "x")) == ["a\u2028b\x0bc\x85d", "", "e"]
