"""Character n-grams of the run's own training text, which serve any language, invented ones included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from workflow_scripts.scoring.identifier import Identifier, Identify
from workflow_scripts.scoring.ngrams import Counts, classifier, count

CODE = ("scoring.identifier", "scoring.ngrams")


def learn(sample: Callable[[int], Mapping[str, Sequence[str]]], identification_lines: int) -> dict[str, Counts]:
    """How often n-grams stand in the training text of each language."""
    return count(sample(identification_lines))


def open_counts(codes: Sequence[str], counts: Mapping[str, Counts], **_: object) -> tuple[Identify, list[str]]:
    """A classifier by the n-grams that were counted."""
    known = [code for code in codes if code in counts]
    return classifier({code: counts[code] for code in known}), known


IDENTIFIER = Identifier(
    summary="a classifier by character n-grams (naive Bayes), trained on the run's own training text",
    open=open_counts,
    learn=learn,
    options={
        "identification_lines": {
            "type": "integer",
            "minimum": 1,
            "default": 5000,
            "description": "Most lines of training text per language that it learns from, evenly spread.",
        }
    },
    packages=("scikit-learn",),
)
