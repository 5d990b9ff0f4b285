"""What a run will need late, looked for when its configuration is read; and what may not be meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts.scoring import published
from workflow_scripts.scoring.metric import Learned

if TYPE_CHECKING:
    from workflow_scripts.run import Run

TRAININGS = ("baseline", "specialize")
"""The stages that take days; they wait for these, which look at all that a run is given."""
FIRST = (
    *("check_test_set", "check_databin_test", "link_test_set", "test_set"),
    *("given_system", "check_activations", "import_translations"),
)
HUB = "/"
"""What the name of a model in a hub has: an owner before it."""


def lacking(run: Run) -> Iterator[str]:
    """What is not there and makes the run fail at its end: environments of neural metrics, and their models."""
    for key, metric in run.scoring.metrics.items():
        if not isinstance(metric, Learned):
            continue
        settings, where = run.scoring.model_settings(key), f"score.{metric.required}"
        if not Path(settings["python"]).exists():
            yield (
                f"{where}: {settings['python']} is missing, the Python of {metric.name}'s environment: make it "
                f"(python3 envs/create.py {metric.environment}), or leave the metric out"
            )
        model = settings["model"]
        if not Path(model).exists() and (model.count(HUB) != 1 or " " in model):
            yield f"{where}: {model!r} is neither a file or folder here nor a name like Unbabel/wmt22-comet-da"


def doubtful(run: Run) -> Iterator[str]:
    """What can be computed, but hardly is what was meant."""
    for group, members in run.config["score"]["replicates"].items():
        first, *others = (_but_seed(run, name) for name in members)
        if any(other != first for other in others):
            yield f"score.replicates.{group}: {', '.join(members)} differ in more than their training seed"
    for file in run.scoring.published:
        rows = published.read(file)
        if not any(row["system"] in run.systems for row in rows):
            yield f"score.published: {file} has no score of a system of this run ({', '.join(run.systems)})"
        elif not any(row["pair"] in map(str, run.pairs) for row in rows):
            yield f"score.published: {file} has no score of a direction of this run"


def _but_seed(run: Run, system: str) -> tuple[Any, ...]:
    """What must be the same in replicates: all settings but seeds and where files lie."""
    kind = run.systems[system].kind_name
    own = {key: value for key, value in run.systems[system].settings.items() if key == "masks"}
    masks = {key: value for key, value in own.get("masks", {}).items() if key != "seed"}
    training = {key: value for key, value in run.decisive_training(system).items() if key != "seed"}
    return kind, masks, training
