"""The synthetic corpus: right English, deterministic, disjoint splits, families that share roots."""

from __future__ import annotations

import itertools
from pathlib import Path
from random import Random

import pytest

from workflow_scripts.errors import UserError
from workflow_scripts.languages import Language, read_languages
from workflow_scripts.synthetic import english, meaning
from workflow_scripts.synthetic.conflict import contested
from workflow_scripts.synthetic.invented import GRAMMARS, SCRIPTS, SOUND_CHANGES, make_languages, shift
from workflow_scripts.synthetic.meaning import Clause, Phrase, Sentence
from workflow_scripts.synthetic.sentences import part_of, sentence_pairs

TABLE = read_languages(Path(__file__).parents[2] / "config" / "languages" / "synthetic.tsv")
OTHERS = [language for code, language in TABLE.items() if code != "en"]
LANGUAGES = make_languages(OTHERS, seed=1)
SIZES = {"train": 200, "valid": 20, "test": 20}


def noun(head, *, plural=False, determiner="the", **more):
    return Phrase("noun", head, plural, determiner, **more)


@pytest.mark.parametrize(
    ("clause", "question", "expected"),
    [
        (Clause(Phrase("pronoun", "I"), "be", "present", adjective="old"), False, "I am old."),
        (Clause(Phrase("pronoun", "you"), "be", "past", True, "cold"), True, "Were you not cold?"),
        (Clause(Phrase("pronoun", "he"), "be", "future", adjective="old"), True, "Will he be old?"),
        (Clause(noun("wolf"), "lose", "present", object=noun("cup", plural=True)), False, "The wolf loses the cups."),
        (Clause(noun("child", plural=True, determiner="this"), "sing", "past"), False, "These children sang."),
        (
            Clause(noun("dog", determiner="a", adjectives=("old",)), "see", "past", True, object=noun("cup")),
            False,
            "An old dog did not see the cup.",
        ),
        (
            Clause(
                Phrase("name", "Anna"), "give", "future", object=noun("cup", plural=True, determiner="", numeral="two"),
                recipient=Phrase("pronoun", "we"), preposition="in", place=noun("city", determiner="a"), time="soon",
            ),
            True,
            "Will Anna give two cups to us in a city soon?",
        ),
    ],
)  # fmt: skip
def test_english_agrees(clause, question, expected):
    assert english.write(Sentence((clause,), question=question)) == expected


def test_clauses_are_joined():
    clauses = (Clause(Phrase("name", "Hugo"), "sleep", "present"), Clause(Phrase("pronoun", "they"), "laugh", "past"))
    assert english.write(Sentence(clauses, "because")) == "Hugo sleeps, because they laughed."


@pytest.mark.parametrize("code", LANGUAGES)
def test_same_seed_same_corpus_and_splits_are_disjoint(code):
    drawn = list(sentence_pairs(LANGUAGES[code], SIZES, "7/x"))
    assert drawn == list(sentence_pairs(make_languages(OTHERS, seed=1)[code], SIZES, "7/x"))
    assert drawn != list(sentence_pairs(LANGUAGES[code], SIZES, "8/x"))
    assert {split: sum(1 for row in drawn if row[0] == split) for split in SIZES} == SIZES
    assert len({sentence for _, sentence, _ in drawn}) == sum(SIZES.values())
    assert all(split == part_of(sentence) for split, sentence, _ in drawn)


def test_an_exhausted_grammar_is_an_error(monkeypatch):
    monkeypatch.setattr(meaning, "sentence", lambda random: Sentence((Clause(Phrase("name", "Anna"), "sing", "past"),)))
    with pytest.raises(ValueError, match="no more new sentences"):
        list(sentence_pairs(LANGUAGES["qa"], SIZES, "1"))


def test_a_word_has_one_meaning_in_every_language():
    for language in LANGUAGES.values():
        assert len(set(language.roots.values())) == len(language.roots)


def test_families_share_roots_and_word_order_and_others_do_not():
    def shared(one, two):
        first, second = LANGUAGES[one], LANGUAGES[two]
        same = sum(first.spell(first.roots[root]) == second.spell(second.roots[root]) for root in first.roots)
        return same / len(first.roots)

    for one, two in itertools.combinations(LANGUAGES, 2):
        if TABLE[one].family == TABLE[two].family:
            assert 0.2 < shared(one, two) < 1, (one, two)
            assert LANGUAGES[one].grammar == LANGUAGES[two].grammar
        else:
            assert shared(one, two) < 0.05, (one, two)
            assert LANGUAGES[one].grammar != LANGUAGES[two].grammar


LATIN = [Language(each.code, each.name, each.family, "Latin", each.tier) for each in OTHERS]


def test_families_mean_different_things_by_the_words_they_share():
    made = make_languages(LATIN, seed=1, conflict=0.5)
    words = [word for group in contested(0.5, 1) for word in group]
    assert 35 < len(words) < 45  # half of 84
    for one, two in itertools.combinations(made, 2):
        first, second = (made[code] for code in (one, two))
        for group in contested(0.5, 1):
            assert {first.roots[word] for word in group} == {second.roots[word] for word in group}
        same = [first.roots[word] == second.roots[word] for word in words]
        if TABLE[one].family == TABLE[two].family:
            assert all(same)
        else:
            # Four verbs that take two objects, half of them: two families of three agree by pairs alone.
            assert sum(same) <= 2
    for language in made.values():
        assert len(set(language.roots.values())) == len(language.roots)


def test_without_conflict_the_corpus_is_as_it_was():
    assert make_languages(OTHERS, seed=1, conflict=0) == LANGUAGES


def test_conflict_needs_a_script_in_common():
    with pytest.raises(UserError, match=r"conflict: no two families .* one script"):
        make_languages(OTHERS, seed=1, conflict=0.5)


def test_word_orders():
    subject, target = noun("king"), noun("book")
    clause = Clause(subject, "see", "past", object=target, preposition="near", place=noun("house"))
    for code, order in {"qa": "SVO", "xa": "SOV", "ze": "VSO"}.items():
        language = LANGUAGES[code]
        words = language.clause(clause)
        starts = {
            part: language.spell(language.roots[head])
            for part, head in zip("SVO", ("king", "see", "book"), strict=True)
        }
        place = [i for i, word in enumerate(words) if word == language.word("near")]
        found = sorted("SVO", key=lambda part: next(i for i, word in enumerate(words) if word.startswith(starts[part])))
        assert "".join(found) == order
        house = next(i for i, word in enumerate(words) if word.startswith(language.spell(language.roots["house"])))
        assert (place[0] > house) is language.grammar.postpositions


def test_meaning_is_not_lost():
    for language in LANGUAGES.values():
        drawn = list(sentence_pairs(language, {"train": 2000, "valid": 1, "test": 1}, "3"))
        assert len({translation for *_, translation in drawn}) > 0.98 * len(drawn)


def test_changes_are_regular():
    assert shift({"x": "pabata"}, (("^p", "f"), ("(?<=[aeiou])b(?=[aeiou])", "v"))) == {"x": "favata"}
    new = [sound for _, sound in SOUND_CHANGES]
    assert len(set(new)) == len(new)
    assert not set(new) & set("ptkbdgmnlrsaeiou")


def test_scripts_can_be_told_apart():
    letters = "ptkbdgmnlrsaeioufvčšzhöüyjxc"
    for table in SCRIPTS.values():
        assert len(set(letters.translate(table))) == len(letters)


def test_any_number_of_families_and_other_scripts():
    many = [Language(f"q{i}", f"Q{i}", f"family {i // 2}", "Latin", "low") for i in range(10)]
    made = make_languages(many, 3)
    assert [made[f"q{i}"].grammar for i in range(10)] == [GRAMMARS[i // 2 % 3] for i in range(10)]
    with pytest.raises(UserError, match=r"language hi.*Devanagari.*script column"):
        make_languages([Language("hi", "Hindi", "Indo-Aryan", "Devanagari", "low")], 1)


def test_sentences_vary():
    random = Random(5)
    drawn = [english.write(meaning.sentence(random)) for _ in range(1000)]
    assert len(set(drawn)) > 950
    assert 3 < sum(len(text.split()) for text in drawn) / len(drawn) < 12
