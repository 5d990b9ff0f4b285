"""What a synthetic sentence says, free of any language: phrases, clauses, sentences, and how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from workflow_scripts.synthetic import vocabulary as v


@dataclass(frozen=True)
class Phrase:
    """A pronoun, a name, or a noun with its determiner ("" for none), numeral, and adjectives."""

    kind: str
    head: str
    plural: bool = False
    determiner: str = ""
    numeral: str = ""
    adjectives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clause:
    """Who does what to whom, where and when; with `verb` "be" the subject has the property `adjective`."""

    subject: Phrase
    verb: str
    tense: str
    negative: bool = False
    adjective: str = ""
    object: Phrase | None = None
    recipient: Phrase | None = None
    preposition: str = ""
    place: Phrase | None = None
    time: str = ""


@dataclass(frozen=True)
class Sentence:
    """One clause, or two joined by a conjunction; only single clauses are asked."""

    clauses: tuple[Clause, ...]
    conjunction: str = ""
    question: bool = False


def noun_phrase(random: Random, nouns: dict[str, str]) -> Phrase:
    """A noun with number, determiner or numeral, and up to two adjectives."""
    plural = random.random() < 0.35
    determiner = random.choices(("the", "a", "this", "that", random.choice(v.POSSESSIVES)), (8, 5, 1, 1, 3))[0]
    numeral = ""
    if plural and random.random() < 0.35:
        determiner, numeral = "", random.choice(v.NUMERALS)
    adjectives = tuple(random.sample(v.ADJECTIVES, random.choices((0, 1, 2), (6, 4, 1))[0]))
    return Phrase("noun", random.choice(list(nouns)), plural, determiner, numeral, adjectives)


def person(random: Random) -> Phrase:
    """Someone: a pronoun, a name or a noun."""
    kind = random.choices(("pronoun", "name", "noun"), (3, 2, 6))[0]
    if kind == "pronoun":
        head = random.choice(list(v.PRONOUNS))
        return Phrase("pronoun", head, plural=head in ("we", "they"))
    return Phrase("name", random.choice(v.NAMES)) if kind == "name" else noun_phrase(random, v.PEOPLE)


def clause(random: Random) -> Clause:
    """One clause with everything it needs and, now and then, a place and a time."""
    tense = random.choice(list(v.TIMES))
    negative = random.random() < 0.2
    time = random.choice(v.TIMES[tense]) if random.random() < 0.25 else ""
    preposition, place = "", None
    if random.random() < 0.3:
        preposition, place = random.choice(v.PREPOSITIONS), noun_phrase(random, v.PLACES)
    verbs = random.choices((v.INTRANSITIVE, v.TRANSITIVE, v.DITRANSITIVE, {"be": ()}), (3, 5, 2, 2))[0]
    verb = random.choice(list(verbs))
    adjective, target, recipient, subject = "", None, None, person(random)
    if verb == "be":
        adjective = random.choice(v.ADJECTIVES)
    if verb in v.TRANSITIVE:
        target = person(random) if random.random() < 0.3 else noun_phrase(random, v.THINGS)
    if verb in v.DITRANSITIVE:
        target, recipient = noun_phrase(random, v.THINGS), person(random)
    return Clause(subject, verb, tense, negative, adjective, target, recipient, preposition, place, time)


def sentence(random: Random) -> Sentence:
    """A statement, a question, or two joined statements."""
    kind = random.choices(("statement", "question", "joined"), (7, 2, 1))[0]
    if kind == "joined":
        return Sentence((clause(random), clause(random)), random.choice(v.CONJUNCTIONS))
    return Sentence((clause(random),), question=kind == "question")
