"""Data-bins whose files are all there, and do not hold what fairseq could read."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest

from workflow_scripts.corpus.databin_content import HEADER, MAGIC, check_pair, check_side, count_symbols
from workflow_scripts.errors import UserError
from workflow_scripts.steps import check_databin


def write(prefix, sentences, code=8):
    """A side as fairseq lays it out."""
    ids = np.concatenate([np.array(one, dtype="<u2") for one in sentences]) if sentences else np.zeros(0, "<u2")
    sizes = np.array([len(one) for one in sentences], dtype="<i4")
    pointers = np.cumsum([0, *sizes[:-1]])[: len(sizes)].astype("<i8") * 2
    prefix.with_name(f"{prefix.name}.bin").write_bytes(ids.tobytes())
    head = HEADER.pack(MAGIC, 1, code, len(sizes))
    prefix.with_name(f"{prefix.name}.idx").write_bytes(head + sizes.tobytes() + pointers.tobytes())
    return prefix


SENTENCES = [[4, 5, 2], [6, 2]]


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def patch(path, place, value):
    content = bytearray(path.read_bytes())
    content[place : place + len(value)] = value
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda idx, data: cut(idx, 5), "is no index"),
        (lambda idx, data: idx.write_text("TNTIDX"), "is no index"),
        (lambda idx, data: cut(idx, 40), "is cut or damaged"),
        (lambda idx, data: patch(idx, 18, struct.pack("<Q", 2**60)), "is cut or damaged"),
        (lambda idx, data: patch(idx, 9, struct.pack("<Q", 9)), "of a version or type"),
        (lambda idx, data: patch(idx, 17, b"\x63"), "of a version or type"),
        (lambda idx, data: patch(idx, 26, struct.pack("<i", 0)), "sentence 0 .* is empty"),
        (lambda idx, data: patch(idx, 34, struct.pack("<q", 1)), "do not follow each other"),
        (lambda idx, data: cut(data, 4), "has 4 bytes, its index wants 10"),
        (lambda idx, data: patch(data, 6, struct.pack("<H", 7)), "sentence 1 .*symbol 7 is not one of .* 7"),
    ],
)
def test_a_damaged_side_is_refused(damage, words, tmp_path):
    prefix = write(tmp_path / "train.en-de.en", SENTENCES)
    assert check_side(prefix, 7) == 2
    damage(tmp_path / "train.en-de.en.idx", tmp_path / "train.en-de.en.bin")
    with pytest.raises(UserError, match=words):
        check_side(prefix, 7)


def test_sides_of_different_length_no_sentences_and_an_empty_dictionary(tmp_path):
    one, other, none = (write(tmp_path / name, SENTENCES[:n]) for name, n in (("a", 2), ("b", 1), ("c", 0)))
    with pytest.raises(UserError, match=r"has 2 sentences, b 1"):
        check_pair((one, other), 7)
    with pytest.raises(UserError, match="has no sentence"):
        check_side(none, 7)
    (tmp_path / "dict.txt").write_text("")
    with pytest.raises(UserError, match="is empty: every piece would be unknown"):
        count_symbols(tmp_path / "dict.txt")


def test_the_step_counts_and_warns_of_little_data(tmp_path, monkeypatch, capsys):
    for language in ("en", "de"):
        (tmp_path / f"dict.{language}.txt").write_text("a 1\nb 1\nc 1\n")
        for split, size in (("train", 2), ("valid", 1), ("test", 2)):
            write(tmp_path / f"{split}.en-de.{language}", SENTENCES[:size])
    command = ["--folder", tmp_path, "--pairs", "de-en", "--codes", "en,de", "--splits", "train,valid,test"]
    monkeypatch.setattr(sys, "argv", ["check", *map(str, command), "--output", str(tmp_path / "checked.json")])
    check_databin.main()
    said = capsys.readouterr().out
    assert "de-en has 2 training sentences" in said
    assert "de-en is validated on 1 sentence" in said
    cut(tmp_path / "test.en-de.de.bin", 2)
    with pytest.raises(UserError, match=r"test\.en-de\.de\.bin has 2 bytes"):
        check_databin.main()
