"""Which metrics are meant: by the name in tables or score files, and by the settings that choose them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.metric import Metric
from workflow_scripts.scoring.metrics import METRICS


def called(name: str) -> Metric:
    """The metric that tables, or score files, call `name`. Raises `UserError` for a name that none has."""
    for metric in METRICS.values():
        if name in (metric.name, metric.stored_name):
            return metric
    raise UserError(f"there is no metric {name}; there are {', '.join(metric.name for metric in METRICS.values())}")


def names() -> list[str]:
    """What tables call the metrics, in their order."""
    return [metric.name for metric in METRICS.values()]


def chosen(score: Mapping[str, Any]) -> dict[str, Metric]:
    """The metrics that settings of `score` ask for, by what they are registered as: listed, or turned on by an option.

    Raises `UserError` for one that is listed without what it needs.
    """
    found = {}
    for key, metric in METRICS.items():
        path = metric.required.split(".") if metric.required else []
        given = reduce(lambda settings, part: settings[part], path, score) if path else None
        if key in score["metrics"] and path and not given:
            raise UserError(f"score.metrics: {key} needs score.{metric.required}, which is not set")
        if given or key in score["metrics"]:
            found[key] = metric
    return found


def options_of(keys: Iterable[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of `settings`, the options of these metrics."""
    return {option: settings[option] for key in keys for option in METRICS[key].options}


def of_step(step: str) -> list[str]:
    """The metrics that a step computes."""
    return [key for key, metric in METRICS.items() if metric.step == step]


def options_given(keys: Iterable[str], args: argparse.Namespace) -> dict[str, Any]:
    """The options of these metrics on a command line (`command_line.add_options`), defaults where left out.

    Those that the command does not take have their defaults, too. Raises `UserError` for one that a metric must have.
    """
    found = {}
    for key in keys:
        for option, rule in METRICS[key].options.items():
            given = getattr(args, option, None)
            found[option] = rule["default"] if given is None else given
            if option == METRICS[key].required and not found[option]:
                raise UserError(f"metric {key} needs --{option.replace('_', '-')}")
    return found
