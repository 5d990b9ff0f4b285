"""How validations decide: when a training is over, which weights are kept, and whether it may be gone on with.

Pure functions of what a training has reached and of the settings that choose its weights. A training that was given
other such settings later must end as one that had them from the start, or begin anew; the weights after an update never
depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

PROCESSES = ("gpus", "nodes", "workers", "loss_chunk")
"""Settings of a training that decide where and how fast an update is computed, not what."""
Validation = tuple[int, float]
"""An update, and the loss of the validation after it."""


def decisive(training: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a training but for those of its processes; what is not frozen is not mentioned."""
    return {name: value for name, value in training.items() if name not in PROCESSES and (value or name != "freeze")}


@dataclass(frozen=True)
class Choice:
    """The settings that choose weights.

    At most `max_update` updates are made, with a validation every `validate_every`; training ends after `patience` of
    those (0: never) without a better loss; and it keeps the `best` or the `last` weights (`keep`).
    """

    max_update: int
    patience: int
    validate_every: int
    keep: str

    @classmethod
    def of(cls, training: Mapping[str, Any]) -> Choice:
        """The choice among all settings of a training."""
        return cls(**{name: training[name] for name in cls.__dataclass_fields__})

    @property
    def by_validation(self) -> bool:
        """Whether validations choose at all."""
        return self.keep == "best" or self.patience > 0

    def made_from(self) -> dict[str, Any]:
        """What of it decides about the weights."""
        return asdict(self) | ({} if self.by_validation else {"validate_every": None})


@dataclass(frozen=True)
class Reached:
    """How far a training is: after `update`, with the regular validations so far.

    `end` is the validation at an end that is none of the regular ones; it counts for that end alone. `best` is the
    update whose weights are kept aside. `made` is what the training is made from (but for the choice of weights and the
    code), `codes` the digests of the code that worked on it.
    """

    update: int = 0
    validations: list[Validation] = field(default_factory=list)
    end: Validation | None = None
    best: int | None = None
    made: dict[str, Any] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, content: dict[str, Any]) -> Reached:
        """The inverse of `asdict`, after JSON as well. Raises TypeError or ValueError for anything else."""
        validations = [(int(update), float(loss)) for update, loss in content["validations"]]
        end = (int(content["end"][0]), float(content["end"][1])) if content["end"] else None
        return cls(**content | {"validations": validations, "end": end})


def regular(validations: Sequence[Validation], every: int) -> list[Validation]:
    """The validations that a training has which makes one `every` updates."""
    return [(update, loss) for update, loss in validations if update % every == 0]


def best_of(validations: Sequence[Validation]) -> int | None:
    """The update of the lowest loss, the first of equal ones; None where there is none."""
    return min(validations, key=lambda validation: validation[1])[0] if validations else None


def out_of_patience(validations: Sequence[Validation], patience: int) -> int | None:
    """The update after which `patience` validations in a row were no better, so that training ends; None: not yet."""
    best, waited = float("inf"), 0
    for update, loss in validations:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if 0 < patience <= waited:
            return update
    return None


def over(reached: Reached, choice: Choice) -> bool:
    """Whether no update is to be made any more."""
    stop = out_of_patience(regular(reached.validations, choice.validate_every), choice.patience)
    return reached.update >= choice.max_update or stop is not None


def validations(reached: Reached, choice: Choice) -> list[Validation]:
    """All validations of a training that ended where this one is, in order: the regular ones, and that at the end."""
    ending = dict([*reached.validations, *filter(None, [reached.end])])
    found = dict(regular(reached.validations, choice.validate_every))
    if reached.update in ending:
        found[reached.update] = ending[reached.update]
    return list(found.items())


def kept(reached: Reached, choice: Choice) -> int:
    """The update whose weights a training keeps that ended where this one is."""
    best = best_of(validations(reached, choice)) if choice.keep == "best" else None
    return reached.update if best is None else best


def lacks_validation(reached: Reached, choice: Choice) -> bool:
    """Whether a training was told to stop at what is its end now: it has no validation there, which may choose."""
    ends = {update for update, _ in validations(reached, choice)}
    return choice.keep == "best" and reached.update == choice.max_update and reached.update not in ends


def why_anew(reached: Reached, choice: Choice, aside: Sequence[int]) -> str | None:
    """Why a training with this choice cannot go on from here and end as if it had been made so from the start.

    `aside` are the updates whose weights are there. None where it can.
    """
    update, every = reached.update, choice.validate_every
    if update > choice.max_update:
        return f"update {update:,} was reached and only {choice.max_update:,} are asked for"
    if not choice.by_validation:
        return None
    found = regular(reached.validations, every)
    if [number for number, _ in found] != list(range(every, update + 1, every)):
        return f"validations are to be {every:,} updates apart and were not"
    stop = out_of_patience(found, choice.patience)
    if stop is not None and stop < update:
        return f"with patience {choice.patience} it ends after update {stop:,}, and {update:,} was reached"
    best = best_of(found)
    if choice.keep == "best" and best is not None and best not in aside:
        return f"the weights after update {best:,}, the best so far, are not there"
    if lacks_validation(reached, choice):
        return f"update {update:,} was saved without the validation that an end has"
    return None
