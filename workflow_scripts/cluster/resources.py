"""What a training job asks of the executor, from its settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from workflow_scripts.training.course import PROCESSES

Settings = Callable[[Any], Mapping[str, Any]]


def on_nodes(settings: Settings) -> dict[str, Callable[[Any], Any]]:
    """Resources by name, each a function of wildcards; `settings` gives the training settings for wildcards.

    `gpu` counts those of all nodes. On several nodes the job starts its processes itself: for the executor that is an
    MPI job.
    """

    def resource(value: Callable[[Mapping[str, Any]], Any]) -> Callable[[Any], Any]:
        return lambda wildcards: value(settings(wildcards))

    def several(value: Callable[[int], Any]) -> Callable[[Any], Any]:
        return resource(lambda training: value(training["nodes"]) if training["nodes"] > 1 else None)

    return {
        "nodes": resource(lambda training: training["nodes"]),
        "gpu": resource(lambda training: training["gpus"] * training["nodes"]),
        "mpi": several(lambda nodes: "srun"),
        "tasks": several(lambda nodes: nodes),
        "tasks_per_gpu": several(lambda nodes: 0),
    }


def as_resources(settings: Settings, continuations: int) -> dict[str, Any]:
    """Settings of a training that are told to its step as resources: unlike params, they make nothing stale."""
    chosen = lambda wildcards: {name: settings(wildcards)[name] for name in PROCESSES}  # noqa: E731
    return {"processes": lambda wildcards: json.dumps(chosen(wildcards)), "continuations": continuations}
