"""What a trained checkpoint is made from, and what that says about it now. Without torch: `plan` and `status` ask, too.

A training takes days: it is repeated when what it was made from has changed, but not when its code alone has. That is
reported, by name, until somebody asks for the training to be repeated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from workflow_scripts.batch import FORMAT, made_from
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import digest
from workflow_scripts.formats.peek import PROVENANCE, peek
from workflow_scripts.source_code import step_digest
from workflow_scripts.training.course import Choice, Validation, decisive
from workflow_scripts.training.curve import read_validations

STEP = "train"


class Standing(Enum):
    """How a published checkpoint stands to what is asked for now."""

    CURRENT = "made from the same"
    OTHER_CODE = "made from the same by other code"
    OUTDATED = "made from something else, or not there"


def parts(
    pairs: Sequence[Direction], training: Mapping[str, Any], data: str, *registered: str, **origin: Any
) -> dict[str, Any]:
    """All that decides about a training's weights.

    `data` is the fingerprint of the data, `registered` the module of the system's kind; `origin` are either `start`,
    the identity of the checkpoint that training goes on from, and what makes the system what it is (the digest of its
    `masks`, its `own` settings), or `model`, the settings of a new one.
    """
    choice = Choice.of(training)
    settings = {key: value for key, value in decisive(training).items() if key not in choice.__dataclass_fields__}
    shared = {"pairs": [str(pair) for pair in pairs], "training": settings, "data": data}
    return made_from(STEP, *registered, **shared, **origin, **choice.made_from())


def trajectory(made: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a training is made from, what decides about the weights after a certain update."""
    return {key: value for key, value in made.items() if key not in ("code", *Choice.__dataclass_fields__)}


def changed(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys in which two differ, dotted where they are nested, in order."""
    found = []
    for key in sorted({*one, *other}):
        values = one.get(key), other.get(key)
        if all(isinstance(value, Mapping) for value in values):
            found += changed(*values, prefix=f"{prefix}{key}.")
        elif values[0] != values[1]:
            found.append(prefix + key)
    return found


def read(checkpoint: Path) -> dict[str, Any]:
    """What a published checkpoint says made it; empty where there is none, or it says nothing."""
    found = peek(checkpoint).get(PROVENANCE)
    return found if isinstance(found, dict) else {}


def refuse_other_format(path: str | Path, carried: Mapping[str, Any]) -> None:
    """Raise `UserError` for a checkpoint that another version of this project made as part of a run."""
    if carried and carried.get("format") != FORMAT:
        raise UserError(
            f"{path} was made by another version of this project (format {carried.get('format', 1)}, not {FORMAT}). To "
            "use its weights, move it elsewhere and name it in the configuration (`checkpoint: {path: …}` of the "
            "baseline or of a system); to train again, remove it and the folder `run` beside it"
        )


def standing(checkpoint: Path, curve: Path, made: Mapping[str, Any]) -> Standing:
    """How the published checkpoint, with its curve beside it, stands to `made`."""
    carried = read(checkpoint)
    same = all(carried.get(key) == value for key, value in made.items() if key != "code")
    if not carried or not same or not vouched(curve, carried.get("validations", [])):
        return Standing.OUTDATED
    return Standing.CURRENT if carried.get("made_from") == digest(made) else Standing.OTHER_CODE


def vouched(curve: Path, validations: Sequence[Validation]) -> bool:
    """Whether a curve is that of a checkpoint: it has the same validations (its times are nobody's business)."""
    found = read_validations(curve)
    return len(found) == len(validations) and all(
        one[0] == other[0] and math.isclose(one[1], other[1], rel_tol=1e-4)
        for one, other in zip(found, validations, strict=True)
    )


def is_stale(checkpoint: str | Path, *registered: str) -> bool:
    """Whether a checkpoint was trained by other code than there is now. False where nothing was trained.

    `registered` is the module of the system's kind; the baseline has none.
    """
    carried = read(Path(checkpoint))
    return carried.get("step") == STEP and carried.get("code") != step_digest(STEP, *registered)


def stale_message(name: str, checkpoint: str | Path) -> str:
    """What is said of a stale checkpoint, and how it is trained again."""
    return (
        f"[{name}] was trained by other code than there is now, and is left as it is; to train it again: "
        f"-R {checkpoint}, or jobs.retrain: [{name}]"
    )
