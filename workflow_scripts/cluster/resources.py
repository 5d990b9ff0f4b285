"""What a training job asks of the executor, from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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
