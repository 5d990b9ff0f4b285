"""Translations from elsewhere: what is read, and what is refused with its line."""

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.direction import parse_all
from workflow_scripts.errors import UserError
from workflow_scripts.scoring.existing import (
    direction_files,
    find_directions,
    read_direction,
    read_generate,
    read_plain,
)

LINES = [
    "S-1\t__en__ Good morning .",
    "T-1\tGoedemorgen .",
    "H-1\t-0.5\tGoede morgen .",
    "D-1\t-0.5\tGoede morgen .",
    "P-1\t-0.1 -0.2",
    "S-0\t__en__ Yes",
    "T-0\tJa",
    "H-0\t-1.25\t",
    "D-0\t-1.25\t",
    "Generate test with beam=5: BLEU4 = 1.00",
]


def written(folder, lines, name="generate-test.txt"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path


def test_ids_in_any_order_tags_and_empty_hypotheses(tmp_path):
    rows = read_generate(written(tmp_path, LINES))
    assert rows == [
        {"id": 0, "source": "Yes", "reference": "Ja", "hypothesis": "", "score": -1.25},
        {
            "id": 1,
            "source": "Good morning .",
            "reference": "Goedemorgen .",
            "hypothesis": "Goede morgen .",
            "score": -0.5,
        },
    ]


def test_packed_output_is_read_alike(tmp_path):
    path = tmp_path / "generate-test.txt.gz"
    path.write_bytes(gzip.compress("\n".join(LINES).encode()))
    assert read_direction(direction_files(tmp_path)) == read_generate(written(tmp_path, LINES, "plain.txt"))


TEXT = st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",)), max_size=12)


@given(texts=st.lists(st.tuples(TEXT, TEXT.filter(str.strip), TEXT), min_size=1, max_size=8), seed=st.integers())
def test_what_was_written_is_read(tmp_path_factory, texts, seed):
    lines = []
    for number, (source, reference, hypothesis) in enumerate(texts):
        lines += [f"S-{number}\t__en__ {source}", f"T-{number}\t{reference}", f"H-{number}\t-0.5\t{hypothesis}"]
    random.Random(seed).shuffle(lines)
    rows = read_generate(written(tmp_path_factory.mktemp("generate"), lines))
    assert [(row["source"], row["reference"], row["hypothesis"]) for row in rows] == texts


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*LINES, "H-1\t-0.7\tMorgen ."], r"line 11: H-1 stands twice \(first in line 3\)"),
        (
            [line for line in LINES if not line.startswith("T-0")],
            r"sentence 0 has no T line \(but S in line 6, H in line",
        ),
        ([line for line in LINES if line[2:3] != "0"], r"sentence 0 is missing .* line 3"),
        ([*LINES[:-1], "T-2\t ", "S-2\tx", "H-2\t-1\ty"], r"line 10: the reference of sentence 2 is empty"),
        (["H-0\tno score"], r"line 1: H-0 has no score"),
        (["nothing of the kind"], r"not the output of fairseq-generate"),
    ],
)
def test_refusals_name_the_line(tmp_path, lines, message):
    with pytest.raises(UserError, match=message):
        read_generate(written(tmp_path, lines))


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path):
    path = tmp_path / "generate-test.txt"
    path.write_bytes(b"S-0\tfine\nT-0\tcaf\xe9\n")
    with pytest.raises(UserError, match=r"line 2: not UTF-8"):
        read_generate(path)


def test_a_cut_off_gzip_file_is_refused(tmp_path):
    path = tmp_path / "generate-test.txt.gz"
    path.write_bytes(gzip.compress("\n".join(LINES).encode())[:-20])
    with pytest.raises(UserError, match="broken gzip file"):
        read_generate(path)


def test_plain_texts(tmp_path):
    for role, text in (("hyp", "a\n\n"), ("ref", "b\nc\u2028d\n"), ("src", "__en__ e\nf\n")):
        (tmp_path / f"{role}.txt").write_text(text, encoding="utf-8")
    rows = read_direction(direction_files(tmp_path))
    assert [row["hypothesis"] for row in rows] == ["a", ""]
    assert [row["reference"] for row in rows] == ["b", "c\u2028d"], "only LF ends a line"
    assert [row["source"] for row in rows] == ["e", "f"]


def test_plain_texts_of_unequal_length_are_refused(tmp_path):
    paths = [tmp_path / name for name in ("hyp", "ref", "src")]
    for path, text in zip(paths, ("a\n", "b\nc\n", "d\n"), strict=True):
        path.write_text(text)
    with pytest.raises(UserError, match=r"unequal numbers of lines: .*hyp has 1, .*ref has 2, .*src has 1"):
        read_plain(*paths)


def test_an_empty_plain_reference_is_refused_with_its_line(tmp_path):
    paths = [tmp_path / name for name in ("hyp", "ref", "src")]
    for path, text in zip(paths, ("a\nb\n", "c\n\n", "d\ne\n"), strict=True):
        path.write_text(text)
    with pytest.raises(UserError, match=r"ref, line 2: the reference is empty"):
        read_plain(*paths)


def test_directions_are_those_that_are_there(tmp_path):
    for pair in ("de-en", "en-de"):
        (tmp_path / pair).mkdir()
        written(tmp_path / pair, LINES)
    (tmp_path / "notes").mkdir()
    assert list(find_directions(tmp_path, parse_all("en-de,en-nl,de-en"))) == parse_all("en-de,de-en")


def test_a_direction_without_files_and_a_folder_without_directions_are_refused(tmp_path):
    with pytest.raises(UserError, match="no folder named like a direction"):
        find_directions(tmp_path, parse_all("en-de"))
    (tmp_path / "en-de").mkdir()
    with pytest.raises(UserError, match=r"en-de holds neither generate-test.txt\[.gz\] nor hyp"):
        find_directions(tmp_path, parse_all("en-de"))
