"""What must hold between the settings of scoring and the systems of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.identifiers import IDENTIFIERS
from workflow_scripts.scoring.metric import Metric
from workflow_scripts.scoring.names import chosen, options_of
from workflow_scripts.scoring.resampling import LEVEL, least_trials


def contrasts(score: Mapping[str, Any]) -> list[str]:
    """The names of the systems that others are compared with, the primary one first."""
    return [score["against"]] if isinstance(score["against"], str) else list(score["against"])


def primary(score: Mapping[str, Any]) -> Metric:
    """The metric that claims are made by: the one that is named, else the first that tables have."""
    found = chosen(score)
    return found[score["primary"] or next(iter(found))]


def check_trials(trials: int, tests: int, what: str) -> None:
    """Raise `UserError` where so few trials could not find any of so many tests significant; 0 trials test nothing."""
    least = least_trials(tests)
    if 0 < trials < least:
        raise UserError(
            f"score.significance.randomization: {trials} trials cannot give a p below {LEVEL} after correction for "
            f"{tests} {what}; at least {least} are needed (or 0, which leaves the tests out)"
        )


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
    for name in contrasts(score):
        if name not in systems and name != default_against:
            raise UserError(f"score.against: there is no system {name}; there are {known}")
    for group, members in score["replicates"].items():
        if group in systems:
            raise UserError(f"score.replicates: {group} is the name of a system; give the group another one")
        for member in members:
            if member not in systems:
                raise UserError(f"score.replicates.{group}: there is no system {member}; there are {known}")
    found = chosen(score)
    if score["primary"] and score["primary"] not in found:
        raise UserError(f"score.primary: {score['primary']} is not computed; there are {', '.join(found)}")
    for key, metric in found.items():
        metric.check(**options_of([key], score))
