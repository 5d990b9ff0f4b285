"""Invented languages: families share roots and word order, the languages of a family differ by regular sound changes.

A family draws its roots (one per meaning) from its own sounds and takes one of three grammars. A language applies its
sound changes to every root and ending alike. Each change turns one sound, in one context, into a sound that the family
did not have, so that no two words fall together and relatives stay recognizable.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from workflow_scripts.errors import UserError
from workflow_scripts.languages import Language
from workflow_scripts.synthetic import vocabulary as v
from workflow_scripts.synthetic.conflict import meanings
from workflow_scripts.synthetic.meaning import Clause, Phrase, Sentence

CONSONANTS, VOWELS = "ptkbdgmnlrs", "aeiou"
# (pattern, new sound): the new sounds are outside CONSONANTS and VOWELS, one source each.
SOUND_CHANGES = (
    ("^p", "f"),
    ("(?<=[aeiou])b(?=[aeiou])", "v"),
    ("k(?=[ei])", "č"),
    ("^s", "š"),
    ("(?<=[aeiou])t(?=[aeiou])", "z"),
    ("^g", "h"),
    ("^o|(?<=^[^aeiou])o", "ö"),
    ("u(?=[^aeiou]$)", "ü"),
    ("a$", "y"),
    ("(?<=[aeiou])d(?=[aeiou])", "j"),
)
LATIN = "ptkbdgmnlrsaeioufvčšzhöüyjxc"
SCRIPTS = {
    "Latin": str.maketrans("", ""),
    "Cyrillic": str.maketrans(LATIN, "пткбдгмнлрсаеиоуфвчшзхёюыйщц"),
    "Greek": str.maketrans(LATIN, "πτκβδγμνλρσαεηουφωψξζχόύιθςέ"),
}
FUNCTION_WORDS = (
    *("the", "this", "that", "not", "ask", "be", "plural", "past", "future", "object", "to"),
    *("one", "many", *v.POSSESSIVES, *v.PREPOSITIONS, *v.CONJUNCTIONS),
)
CONTENT_WORDS = (
    *(*v.NOUNS, *v.ADJECTIVES, *v.NUMERALS, *v.VERBS, *v.PRONOUNS),
    *(time for times in v.TIMES.values() for time in times),
)
ENDINGS = ("the", "plural", "past", "future", "object", "to", "one", "many")


@dataclass(frozen=True)
class Grammar:
    """The word order of a family and which of its function words are endings.

    `order` places S(ubject), V(erb), O(bject) and recipient; the other fields say what stands after its partner.
    """

    order: str
    adjective_last: bool
    postpositions: bool
    article_ending: bool
    verb_agrees: bool
    negation_last: bool
    question_last: bool
    time_first: bool


GRAMMARS = (
    Grammar("SVO", True, False, False, True, False, False, False),
    Grammar("SOV", False, True, True, False, True, True, True),
    Grammar("VSO", True, False, True, False, False, False, True),
)


def draw_roots(random: Random, taken: Collection[str] = ()) -> dict[str, str]:
    """One root per meaning, all different and none of those `taken`.

    Endings have two sounds, function words a syllable, others two.
    """
    consonants = random.sample(CONSONANTS, 9)
    roots: dict[str, str] = {}
    taken = set(taken)

    def draw(shape: str) -> str:
        while True:
            root = "".join(random.choice(consonants if sound == "C" else VOWELS) for sound in shape)
            if root not in taken:
                taken.add(root)
                return root

    for word in FUNCTION_WORDS:
        roots[word] = draw(random.choice(("VC", "CV")) if word in ENDINGS else random.choice(("CVC", "CV")))
    for word in CONTENT_WORDS:
        roots[word] = draw(random.choice(("CVCV", "CVCVC", "CVCCV", "VCVC")))
    return roots


@dataclass(frozen=True)
class InventedLanguage:
    """A language that can say any `Sentence`."""

    grammar: Grammar
    roots: dict[str, str]
    script: str

    def spell(self, word: str) -> str:
        """A word of Latin letters in the language's script, capitals kept."""
        spelled = word.lower().translate(SCRIPTS[self.script])
        return spelled[0].upper() + spelled[1:] if word[0].isupper() else spelled

    def word(self, meaning: str, *endings: str) -> str:
        """A root with its endings ("" is no ending)."""
        return self.spell(self.roots[meaning] + "".join(self.roots[ending] for ending in endings if ending))

    def phrase(self, meaning: Phrase, case: str = "") -> list[str]:
        """A phrase in words; `case` names the ending of its role ("" for the subject and after adpositions)."""
        if meaning.kind == "name":
            return [self.spell(meaning.head + (self.roots[case] if case else ""))]
        if meaning.kind == "pronoun":
            return [self.word(meaning.head, case)]
        plural = "plural" if meaning.plural else ""
        ending = "the" if self.grammar.article_ending and meaning.determiner == "the" else ""
        noun = [self.word(meaning.head, plural, ending, case)]
        adjectives = [self.word(adjective, plural) for adjective in meaning.adjectives]
        first = meaning.numeral or ("" if meaning.determiner == "a" or ending else meaning.determiner)
        words = [*noun, *adjectives] if self.grammar.adjective_last else [*adjectives, *noun]
        return [*([self.word(first)] if first else []), *words]

    def verb(self, meaning: Clause, question: bool) -> list[str]:
        """The verb group: tense and agreement as endings, negation and the question as particles beside it."""
        tense = "" if meaning.tense == "present" else meaning.tense
        agreement = ("many" if meaning.subject.plural else "one") if self.grammar.verb_agrees else ""
        words = [self.word(meaning.verb, tense, agreement)]
        if meaning.adjective:
            words.append(self.word(meaning.adjective))
        if meaning.negative:
            words = [*words, self.word("not")] if self.grammar.negation_last else [self.word("not"), *words]
        if question:
            words = [*words, self.word("ask")] if self.grammar.question_last else [self.word("ask"), *words]
        return words

    def clause(self, meaning: Clause, question: bool = False) -> list[str]:
        """A clause in words, in the family's order; place before the time, or after it where time comes first."""
        objects = self.phrase(meaning.object, "object") if meaning.object else []
        objects += self.phrase(meaning.recipient, "to") if meaning.recipient else []
        parts = {"S": self.phrase(meaning.subject), "V": self.verb(meaning, question), "O": objects}
        words = [word for part in self.grammar.order for word in parts[part]]
        if meaning.place:
            place, adposition = self.phrase(meaning.place), [self.word(meaning.preposition)]
            place = [*place, *adposition] if self.grammar.postpositions else [*adposition, *place]
            # Before a final verb, as in languages of that order; else at the end.
            at = len(words) - len(parts["V"]) if self.grammar.order.endswith("V") else len(words)
            words[at:at] = place
        time = [self.word(meaning.time)] if meaning.time else []
        return [*time, *words] if self.grammar.time_first else [*words, *time]

    def write(self, meaning: Sentence) -> str:
        """The sentence as text, capital letter and final mark included."""
        clauses = [" ".join(self.clause(part, meaning.question)) for part in meaning.clauses]
        text = f", {self.word(meaning.conjunction)} ".join(clauses) if meaning.conjunction else clauses[0]
        return text[0].upper() + text[1:] + ("?" if meaning.question else ".")


def shift(roots: dict[str, str], changes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Every root after the sound changes, all applied to the original form at once."""
    shifted = {}
    for meaning, root in roots.items():
        sounds = list(root)
        for pattern, new in changes:
            for match in re.finditer(pattern, root):
                sounds[match.start()] = new
        shifted[meaning] = "".join(sounds)
    return shifted


def make_languages(table: list[Language], seed: int, conflict: float = 0) -> dict[str, InventedLanguage]:
    """The invented languages of a table (without the pivot): `{code: language}`, the same for the same arguments.

    The n-th family of the table has the n-th grammar (they repeat after three). `conflict` is the share of words that
    all families have and mean different things by; no sound change touches those. Raises `UserError` for a script that
    cannot be written, and for words that nobody shares.
    """
    families: dict[str, list[Language]] = {}
    for language in table:
        if language.script not in SCRIPTS:
            raise UserError(
                f"language {language.code}: the synthetic corpus is written in {', '.join(SCRIPTS)}, not in "
                f"{language.script!r}; change the script column of the language table"
            )
        families.setdefault(language.family, []).append(language)
    if conflict:
        _refuse_nothing_shared(families)
    common = draw_roots(Random(f"{seed}/common")) if conflict else {}
    made = {}
    for number, (family, members) in enumerate(families.items()):
        roots = draw_roots(Random(f"{seed}/{family}"), taken=common.values())
        shared = {meaning: common[other] for meaning, other in meanings(conflict, seed, number).items()}
        changes = Random(f"{seed}/{family}/changes").sample(SOUND_CHANGES, len(SOUND_CHANGES))
        for rank, member in enumerate(members):
            # Three changes each, one of them shared with the relative before.
            own = tuple(changes[(2 * rank + i) % len(changes)] for i in range(3))
            made[member.code] = InventedLanguage(GRAMMARS[number % 3], shift(roots, own) | shared, member.script)
    return made


def _refuse_nothing_shared(families: dict[str, list[Language]]) -> None:
    """Words in two scripts are two words."""
    scripts = [{member.script for member in members} for members in families.values()]
    if not any(one & other for one, other in itertools.combinations(scripts, 2)):
        raise UserError(
            "data.synthetic.conflict: no two families are written in one script, so that they share no word; change "
            "the script column of the language table (config/languages/conflict.tsv has Latin alone)"
        )
