"""The variants of a text: as the paper detokenized it, and repaired."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacremoses import MosesDetokenizer

from workflow_scripts.scoring.variants import as_variant, repair, unknown_lines, variants


def test_raw_text_has_one_variant_and_is_left_alone():
    assert variants("none") == ("raw",)
    assert as_variant("raw", ["9 : 30 &quot; स ् थानीय"], "hi") == ["9 : 30 &quot; स ् थानीय"]


def test_published_is_what_sacremoses_makes_of_it():
    line = 'Virgin have only purchased the " good bank " of Northern Rock , isn &apos;t it ?'
    assert variants("moses") == ("published", "repaired")
    assert as_variant("published", [line], "en") == [MosesDetokenizer("en").detokenize(line.split())]


@pytest.mark.parametrize(
    ("language", "tokens", "text"),
    [
        ("hi", "स ् थानीय मीडिया ने कहा", "स्थानीय मीडिया ने कहा"),
        ("hi", "लड ़ का पढ ़ ाई करता है ।", "लड़का पढ़ाई करता है ।"),
        ("mr", "व ् हर ् जिनने फक ् त खरेदी केली .", "व्हर्जिनने फक्त खरेदी केली."),
        ("kn", "ಸ ್ ಥಳೀಯ", "ಸ್ಥಳೀಯ"),
        ("gu", "સ ્ થાનિક", "સ્થાનિક"),
        ("bn", "স ্ থানীয়", "স্থানীয়"),
        ("af", 'in " n spesifieke land', "in 'n spesifieke land"),
        ("af", "met ' n paar foto ' s", "met 'n paar foto's"),
        ("mt", "b ' mod partikolari , jista ' jkun", "b'mod partikolari, jista' jkun"),
        ("mt", 'f " ħafna pajjiżi ta " dan', "f'ħafna pajjiżi ta' dan"),
        ("uk", "пов ' язані зі здоров ' ям", "пов'язані зі здоров'ям"),
    ],
)
def test_repairs(language, tokens, text):
    assert as_variant("repaired", [tokens], language) == [text]


@pytest.mark.parametrize("language", ["nl", "de", "en", "it", "ru"])
def test_languages_without_damage_read_the_same_twice(language):
    lines = ["zo ' n auto ' s , zei hij : \" ja \" .", "the dogs ' house", "l ' 80 % dell ' acqua", "д ' Артаньян"]
    assert as_variant("repaired", lines, language) == as_variant("published", lines, language)


def test_a_quotation_in_afrikaans_stays_one():
    assert as_variant("repaired", ['hy sê " nee " en gaan'], "af") == ['hy sê "nee" en gaan']


@given(st.text(alphabet="स थनकाि़्ঁ। a.\"'", max_size=30), st.sampled_from(["hi", "mr", "af", "uk", "mt", "nl"]))
def test_repair_is_done_once_and_only_moves_spaces_and_quotes(line, language):
    line = " ".join(line.split())
    once = repair(line, language)
    assert repair(once, language) == once or language == "mt"
    strip = str.maketrans("", "", " \"'")
    assert once.translate(strip) == line.translate(strip)


def test_unknown_tokens_are_found():
    assert unknown_lines(["fine", "not <<unk>> fine", "<unk>"]) == [1]
