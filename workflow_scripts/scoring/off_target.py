"""Hypotheses in a language that nobody asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from workflow_scripts.scoring.identifier import Identify


def counted(
    hypotheses: Sequence[str], references: Sequence[str], target: str, identify: Identify, known: Sequence[str]
) -> dict[str, Any]:
    """What the languages of hypotheses are, and how far to trust that.

    `off_target` is the share of hypotheses that are identified as another language than `target`, `empty` ones left
    out of the count; undetermined ones are not off target. `identified_references` is the share of references that are
    identified as `target`. Both are None where nothing is counted, or `target` is none of the languages `known`.
    """
    written = [line for line in hypotheses if line.strip()]
    found = Counter(identify(written))
    right = sum(code == target for code in identify(references))
    told = target in known
    return {
        "lines": len(hypotheses),
        "empty": len(hypotheses) - len(written),
        "undetermined": found.pop(None, 0),
        "identified": dict(sorted(found.items())),
        "off_target": (found.total() - found[target]) / len(written) if told and written else None,
        "identified_references": right / len(references) if told and references else None,
    }
