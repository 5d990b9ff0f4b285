"""Language tables, the shipped ones and broken ones."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ROOT
from workflow_scripts.errors import UserError
from workflow_scripts.languages import Language, read_languages

HEADER = "code\tname\tfamily\tscript\ttier\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "languages.tsv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted((ROOT / "config/languages").glob("*.tsv")), ids=lambda path: path.stem)
def test_shipped_tables_are_complete(path):
    languages = read_languages(path)
    assert "en" in languages
    assert languages["en"].tier == ""
    for code, language in languages.items():
        assert language.code == code
        assert language.name
        assert language.family
        assert language.script
        assert language.tier in ("high", "medium", "low") or code == "en"


def test_ec30_has_the_papers_tiers_and_families():
    languages = read_languages(ROOT / "config/languages/ec30.tsv")
    tiers = {
        "high": "de nl fr es ru cs hi bn ar he",
        "medium": "sv da it pt pl bg kn mr mt ha",
        "low": "af lb ro oc uk sr sd gu ti am",
    }
    for tier, codes in tiers.items():
        assert {code for code, language in languages.items() if language.tier == tier} == set(codes.split())
    assert len(languages) == 31
    families = Counter(language.family for code, language in languages.items() if code != "en")
    assert families == dict.fromkeys(["Germanic", "Romance", "Slavic", "Indo-Aryan", "Afro-Asiatic"], 6)


def test_rows_become_languages_in_order(tmp_path):
    path = table(tmp_path, HEADER + "xx\tXish\tFam\tLatin\tlow\nen\tEnglish\tGermanic\tLatin\t\n")
    assert list(read_languages(path).items()) == [
        ("xx", Language("xx", "Xish", "Fam", "Latin", "low")),
        ("en", Language("en", "English", "Germanic", "Latin", "")),
    ]


def test_a_table_may_say_what_a_pretrained_model_calls_a_language(tmp_path):
    text = HEADER.replace("\n", "\ttag\n") + "xx\tXish\tFam\tLatin\tlow\txxx_Latn\nen\tEnglish\tG\tLatin\t\t\n"
    assert [language.tag for language in read_languages(table(tmp_path, text)).values()] == ["xxx_Latn", ""]
    nllb, multi = (read_languages(ROOT / f"config/languages/{name}.tsv") for name in ("nllb", "multi"))
    assert [dataclasses.replace(language, tag="") for language in nllb.values()] == list(multi.values())
    assert all(re.fullmatch("[a-z]{3}_[A-Z][a-z]{3}", language.tag) for language in nllb.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER.replace("\n", "\ttag\n") + "en\tEnglish\tGermanic\tLatin\t\n", "line 2: 6 tab-separated columns are"),
        ("code,name,family,script,tier\n", "line 1: the columns must be code, name"),
        ("code\tname\tfamily\tscript\nen\tEnglish\tG\tLatin\n", "line 1: the columns must be"),
        (HEADER + "en\tEnglish\tGermanic\n", "line 2: 5 tab-separated columns are needed"),
        (HEADER + "en\tEnglish\tG\tLatin\t\textra\n", "line 2: 5 tab-separated columns are needed"),
        (
            HEADER + "en\tA\tG\tLatin\t\nde\tB\tG\tLatin\thigh\nen\tC\tG\tLatin\tlow\n",
            "line 4: language en stands twice",
        ),
        (HEADER + "en\t=1+1\tG\tLatin\t\n", "line 2: the name '=1\\+1' begins with '='"),
        (HEADER + "en\tEnglish\t@SUM(A1)\tLatin\t\n", "line 2: the family .* which spreadsheets take for a formula"),
        (HEADER + "en\tEnglish\tG\tLatin\t-low\n", "line 2: the tier '-low' begins with '-'"),
        *(
            (
                HEADER + f"en\tA\tG\tLatin\t\n{code}\tB\tG\tLatin\tlow\n",
                rf"line 3: language code {re.escape(repr(code))}",
            )
            for code in ("qa$(touch X)", "|id", "de-AT", "../x", "q.a", "{q}", "", "de ")
        ),
    ],
)
def test_broken_tables_are_refused_with_their_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_languages(table(tmp_path, text))


def test_a_table_of_another_encoding_is_refused_with_its_line(tmp_path):
    path = tmp_path / "languages.tsv"
    path.write_bytes((HEADER + "de\tA\tG\tLatin\thigh\nfr\tFran\u00e7ais\tG\tLatin\tlow\n").encode("latin-1"))
    with pytest.raises(UserError, match=r"languages\.tsv, line 3: not UTF-8.*iconv"):
        read_languages(path)


def test_a_missing_table_says_which_key_to_set(tmp_path):
    with pytest.raises(UserError, match=r"gone\.tsv does not exist: set languages\.table"):
        read_languages(tmp_path / "gone.tsv")
