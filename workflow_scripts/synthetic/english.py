"""The English side of the synthetic corpus: a `Sentence` in words, with agreement, tense, negation and questions."""

from __future__ import annotations

from workflow_scripts.synthetic import vocabulary as v
from workflow_scripts.synthetic.meaning import Clause, Phrase, Sentence


def phrase(meaning: Phrase, is_subject: bool = False) -> list[str]:
    """A phrase in words: determiner, numeral, adjectives, noun; pronouns in the case of their role."""
    if meaning.kind == "pronoun":
        return [meaning.head if is_subject else v.PRONOUNS[meaning.head]]
    if meaning.kind == "name":
        return [meaning.head]
    words = [*meaning.adjectives, v.NOUNS[meaning.head] if meaning.plural else meaning.head]
    if meaning.numeral:
        return [meaning.numeral, *words]
    determiner = meaning.determiner
    if determiner == "a":
        determiner = "some" if meaning.plural else ("an" if words[0][0] in "aeiou" else "a")
    elif meaning.plural:
        determiner = v.DEMONSTRATIVES.get(determiner, determiner)
    return [determiner, *words]


def _be(subject: Phrase, tense: str) -> str:
    many = subject.plural or subject.head == "you"
    if tense == "past":
        return "were" if many else "was"
    return "are" if many else ("am" if subject.head == "I" else "is")


def verb_group(meaning: Clause, question: bool) -> tuple[str, list[str]]:
    """The auxiliary ("" where English needs none) and the rest of the verb group."""
    subject, tense = meaning.subject, meaning.tense
    rest = [meaning.adjective] if meaning.verb == "be" else [meaning.verb]
    if tense == "future":
        return "will", (["be", *rest] if meaning.verb == "be" else rest)
    if meaning.verb == "be":
        return _be(subject, tense), rest
    third = not subject.plural and subject.head not in ("I", "you")
    if question or meaning.negative:
        return ("did" if tense == "past" else "does" if third else "do"), rest
    singular, past = v.VERBS[meaning.verb]
    return "", [past if tense == "past" else singular if third else meaning.verb]


def clause(meaning: Clause, question: bool = False) -> list[str]:
    """A clause in words: subject, verb group, object, recipient, place, time; asked by fronting the auxiliary."""
    auxiliary, rest = verb_group(meaning, question)
    subject = phrase(meaning.subject, is_subject=True)
    first = [auxiliary] if auxiliary else []
    words = [*first, *subject] if question else [*subject, *first]
    words += (["not"] if meaning.negative else []) + rest
    words += phrase(meaning.object) if meaning.object else []
    words += ["to", *phrase(meaning.recipient)] if meaning.recipient else []
    words += [meaning.preposition, *phrase(meaning.place)] if meaning.place else []
    return words + ([meaning.time] if meaning.time else [])


def write(meaning: Sentence) -> str:
    """The sentence as text, capital letter and final mark included."""
    text = f", {meaning.conjunction} ".join(" ".join(clause(part, meaning.question)) for part in meaning.clauses)
    return text[0].upper() + text[1:] + ("?" if meaning.question else ".")
