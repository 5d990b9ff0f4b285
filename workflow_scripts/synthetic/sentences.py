"""The synthetic corpus: for each pair with English its own sentences, in train, valid and test.

All splits of a pair come from one stream of sentences, and which split a sentence belongs to is its own property. So a
split holds the first of its sentences in the stream, whatever the sizes of the others, and may be drawn alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from random import Random

from workflow_scripts.synthetic import english, meaning
from workflow_scripts.synthetic.invented import InventedLanguage

# One English sentence in ten belongs to valid, one to test, in every pair alike: nothing held out is ever trained on.
PARTS = ("valid", "test", *["train"] * 8)
# So many draws in a row without a new sentence mean that the grammar is exhausted.
PATIENCE = 100_000


def part_of(sentence: str) -> str:
    """The split an English sentence belongs to, in all pairs."""
    return PARTS[int.from_bytes(hashlib.sha256(sentence.encode()).digest()[:4]) % len(PARTS)]


def sentence_pairs(language: InventedLanguage, sizes: dict[str, int], seed: str) -> Iterator[tuple[str, str, str]]:
    """Draw `(split, English, translation)`, all English sentences different, until the splits have their `sizes`."""
    random = Random(seed)
    missing = dict(sizes)
    seen: set[str] = set()
    idle = 0
    while any(missing.values()):
        drawn = meaning.sentence(random)
        text = english.write(drawn)
        split = part_of(text)
        idle += 1
        if idle > PATIENCE:
            raise ValueError(f"no more new sentences: {missing} still wanted")
        if not missing.get(split) or text in seen:
            continue
        idle = 0
        seen.add(text)
        missing[split] -= 1
        yield split, text, language.write(drawn)
