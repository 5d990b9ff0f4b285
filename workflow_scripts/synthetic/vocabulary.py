"""The English words of the synthetic corpus. Everything else about a word follows from its class."""

from __future__ import annotations

# Nouns: singular to plural.
PEOPLE = {
    "teacher": "teachers",
    "farmer": "farmers",
    "doctor": "doctors",
    "singer": "singers",
    "child": "children",
    "woman": "women",
    "king": "kings",
    "neighbor": "neighbors",
    "sailor": "sailors",
    "student": "students",
    "dog": "dogs",
    "wolf": "wolves",
}
THINGS = {
    "book": "books",
    "letter": "letters",
    "apple": "apples",
    "stone": "stones",
    "lamp": "lamps",
    "picture": "pictures",
    "basket": "baskets",
    "knife": "knives",
    "box": "boxes",
    "cup": "cups",
    "hat": "hats",
    "ring": "rings",
}
PLACES = {
    "house": "houses",
    "garden": "gardens",
    "city": "cities",
    "mountain": "mountains",
    "village": "villages",
    "market": "markets",
    "forest": "forests",
    "bridge": "bridges",
}
NOUNS = PEOPLE | THINGS | PLACES
NAMES = ("Anna", "Peter", "Maria", "Tomas", "Lena", "Viktor", "Nora", "Oskar", "Emma", "Hugo", "Klara", "Felix")

ADJECTIVES = ("old", "young", "small", "big", "red", "green", "happy", "quiet", "strong", "heavy", "cold", "white")
NUMERALS = ("two", "three", "four", "five", "six", "seven", "ten")
DEMONSTRATIVES = {"this": "these", "that": "those"}
POSSESSIVES = ("my", "your", "her", "our")
# Pronouns as subject, to their form as object.
PRONOUNS = {"I": "me", "you": "you", "he": "him", "she": "her", "we": "us", "they": "them"}

# Verbs: base to (third person singular, past).
INTRANSITIVE = {
    "sleep": ("sleeps", "slept"),
    "sing": ("sings", "sang"),
    "walk": ("walks", "walked"),
    "laugh": ("laughs", "laughed"),
    "wait": ("waits", "waited"),
    "dance": ("dances", "danced"),
    "work": ("works", "worked"),
    "fall": ("falls", "fell"),
}
TRANSITIVE = {
    "see": ("sees", "saw"),
    "find": ("finds", "found"),
    "carry": ("carries", "carried"),
    "buy": ("buys", "bought"),
    "like": ("likes", "liked"),
    "draw": ("draws", "drew"),
    "follow": ("follows", "followed"),
    "clean": ("cleans", "cleaned"),
    "hear": ("hears", "heard"),
    "lose": ("loses", "lost"),
}
DITRANSITIVE = {
    "give": ("gives", "gave"),
    "show": ("shows", "showed"),
    "send": ("sends", "sent"),
    "sell": ("sells", "sold"),
}
VERBS = INTRANSITIVE | TRANSITIVE | DITRANSITIVE

PREPOSITIONS = ("in", "near", "behind", "under", "with")
TIMES = {"past": ("yesterday", "before"), "present": ("today", "often"), "future": ("tomorrow", "soon")}
CONJUNCTIONS = ("and", "but", "because")
