"""The metrics that count, at work on text in a language, as a command line asks for them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import lru_cache

from workflow_scripts.command_line import add_options
from workflow_scripts.scoring.metric import Scorer
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import of_step, options_given

Scorers = Mapping[str, Scorer]
"""By the name that score files have."""


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """The options of a command that say which metrics it computes, on which kind of text, and with which settings."""
    parser.add_argument("--tokenization", choices=("none", "moses"), default="none", help="how the text is tokenized")
    counted = of_step("score")
    parser.add_argument("--metrics", nargs="+", choices=counted, default=["bleu", "chrf++"], help="what is computed")
    add_options(parser, METRICS.options(counted))


def scorers_of(args: argparse.Namespace) -> Callable[[str], Scorers]:
    """A function that gives the metrics for text in a language."""
    given = {key: options_given([key], args) for key in args.metrics}

    # What is kept of references is large: that of one language is enough.
    @lru_cache(maxsize=1)
    def scorers(language: str) -> Scorers:
        return {METRICS[key].stored_name: METRICS[key].scorer(language, **options) for key, options in given.items()}

    return scorers
