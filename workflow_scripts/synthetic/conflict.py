"""Words that families share and mean different things by: where they are, a model that treats all alike has to choose.

In each class of words some roots are common to all families. The n-th family gives them to their meanings turned by n
places, so that where two families differ a root is never a hint of what it means in the other. The class stays the
same: a shared verb is a verb everywhere, and nothing but who speaks tells what it says.
"""

from __future__ import annotations

from random import Random

from workflow_scripts.synthetic import vocabulary as v

CLASSES = (
    *(tuple(words) for words in (v.PEOPLE, v.THINGS, v.PLACES, v.ADJECTIVES, v.NUMERALS)),
    *(tuple(words) for words in (v.INTRANSITIVE, v.TRANSITIVE, v.DITRANSITIVE)),
)


def contested(share: float, seed: int) -> list[tuple[str, ...]]:
    """The meanings whose roots are shared: `share` (0 to 1) of each class, in an order of their own.

    A single word of a class would mean the same everywhere, so it is left out.
    """
    random = Random(f"{seed}/conflict")
    chosen = [tuple(random.sample(words, round(share * len(words)))) for words in CLASSES]
    return [words for words in chosen if len(words) > 1]


def meanings(share: float, seed: int, family: int) -> dict[str, str]:
    """`{meaning: the meaning whose common root it has}` in the n-th family (from 0), for all contested meanings."""
    turned: dict[str, str] = {}
    for words in contested(share, seed):
        turned |= {word: words[(place + family) % len(words)] for place, word in enumerate(words)}
    return turned
