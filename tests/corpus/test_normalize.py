"""Normalization: nothing is lost but what should be, and a second time changes nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sacremoses import MosesPunctNormalizer

from workflow_scripts.corpus.normalize import PUNCTUATION, Normalizer, has_text, visible

LANGUAGES = ("en", "de", "fr", "es", "cs", "ru", "hi", "ar", "qa")
NORMALIZERS = {language: Normalizer(language) for language in LANGUAGES}
# Text with plenty of what the rules act on, between characters of every kind.
TRICKY = st.text(st.sampled_from("ab1 .,:;%()\"'`´’‘‚„“”«»–—…?!\u00a0\u200b\u200d\ufeff\t\r\n\u0301éж"), max_size=30)
TEXT = st.one_of(TRICKY, st.text(max_size=60))
language = st.sampled_from(LANGUAGES)


def letters(text: str) -> list[str]:
    """Letters and marks in canonical form, as a reader sees them."""
    return [character for character in unicodedata.normalize("NFC", text) if unicodedata.category(character)[0] in "LM"]


@given(TEXT, language)
@example("'''", "en")
@example('",."', "en")
@example(',",".', "de")
@example("a ( ( b ) ) : c", "fr")
def test_twice_is_once(text, language):
    once = NORMALIZERS[language](text)
    assert NORMALIZERS[language](once) == once


@given(TEXT, language)
def test_keeps_every_letter_and_makes_one_clean_line(text, language):
    result = NORMALIZERS[language](text)
    assert letters(result) == letters(visible(text))
    assert result == " ".join(result.split())
    assert unicodedata.is_normalized("NFC", result)


@given(TEXT, language)
def test_lines_passed_over_are_those_that_moses_would_not_change(text, language):
    line = visible(text)
    if not PUNCTUATION.search(line):
        assert MosesPunctNormalizer(lang=language).normalize(line) == line


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("en", "“Hello” – he said…", '"Hello" - he said...'),
        ("fr", "«\u00a0Bonjour\u00a0»", '"Bonjour"'),
        ("en", "\ufeffA\u200bB\tC\u3000 D", "AB C D"),
        ("de", "u\u0308ber", "über"),
        ("hi", "क्\u200dष", "क्\u200dष"),
        ("fa", "می\u200cخواهم", "می\u200cخواهم"),
        ("ar", "\u200fسلام\u200e", "سلام"),
        ("en", "co\u00adoperate \x07now", "cooperate now"),
    ],
)
def test_examples(language, before, after):
    assert Normalizer(language)(before) == after


def test_punctuation_can_stay():
    assert Normalizer("en", punctuation=False)("“Hello”  …") == "“Hello” …"


@pytest.mark.parametrize(
    ("line", "expected"), [("", False), (" \u200b\ufeff\t", False), ("\u200d", False), (".", True)]
)
def test_has_text(line, expected):
    assert has_text(line) is expected
