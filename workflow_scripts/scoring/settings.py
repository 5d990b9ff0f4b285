"""What must hold between the settings of scoring and the systems of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.identifiers import IDENTIFIERS
from workflow_scripts.scoring.names import chosen, options_of


def check_identification(score: Mapping[str, Any], codes: Sequence[str]) -> None:
    """Raise `UserError` where languages cannot be told as `score` asks; `codes` are the run's languages."""
    name = score["language_identification"]
    for option, rule in IDENTIFIERS.options().items():
        if option not in IDENTIFIERS[name].options and score[option] != rule["default"]:
            takers = " and ".join(IDENTIFIERS.takers(option))
            raise UserError(f"score.{option}: language_identification {name} takes none, it belongs to {takers}")
    IDENTIFIERS[name].check(codes, **IDENTIFIERS.settings(name, score))


def check(score: Mapping[str, Any], systems: Sequence[str], default_against: str = "baseline") -> None:
    """Raise `UserError` where `score` names a system or a file that is not there, or a metric lacks what it needs.

    A run without a system of the default name has nothing to compare with, which is fine; a misspelt name is not.
    """
    known = ", ".join(systems)
    if score["against"] not in systems and score["against"] != default_against:
        raise UserError(f"score.against: there is no system {score['against']}; there are {known}")
    for group, members in score["replicates"].items():
        if group in systems:
            raise UserError(f"score.replicates: {group} is the name of a system; give the group another one")
        for member in members:
            if member not in systems:
                raise UserError(f"score.replicates.{group}: there is no system {member}; there are {known}")
    for key, metric in chosen(score).items():
        metric.check(**options_of([key], score))
