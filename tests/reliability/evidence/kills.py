"""Kills: aimed at every window of every stage, and at random times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.reliability import at_random, runs
from tests.reliability.aimed import Aim, Attempt, Pipeline, chosen
from tests.reliability.evidence import Evidence
from tests.reliability.forks import DRAWING, LIBRARIES, MODELS, Forks
from tests.reliability.runs import RESULTS, Place

COLUMNS = ("stage", "windows", "kills and restarts", "faults")
SEED = 14
EACH = 2
"""Random kills of every stage, as far as it runs long enough to be met."""
LEAST = 40
"""Random kills in all."""
SAMPLE = 12
"""Windows of a training that are met through Snakemake, besides all those of its own command."""
MASKS = f"{RESULTS}/masks/ns.parquet"
SYSTEM = f"{RESULTS}/systems/ns"


def aimed(scratch: Path, versions: list[Place], without: Iterable[str] = ()) -> Iterator[Attempt]:
    """Every window of every stage that the second version has recorded, but for some, by the commands of the steps."""
    scratch.mkdir(parents=True, exist_ok=True)
    forks = Forks([*MODELS, *LIBRARIES, *DRAWING])
    theirs, ours = versions
    for step in chosen(ours):
        if step.stage in without:
            continue
        # A training is begun from nothing as well as in another one's folder.
        for anew in (False, True) if "--work" in step.arguments else (False,):
            one = Aim(forks, scratch, ours, theirs, step, anew)
            yield from one.attempts(one.windows)
    forks.end()


def pipeline(scratch: Path, ours: Place) -> Iterator[Attempt]:
    """Snakemake's own windows, around a short job; and through Snakemake, some of a training's."""
    scratch.mkdir(parents=True, exist_ok=True)
    short = Pipeline(scratch, ours, (MASKS,), (MASKS,))
    own = [window for window in short.windows() if window.process == "snakemake"]
    yield from short.attempts("Snakemake", own)
    trained = tuple(f"{SYSTEM}/{name}" for name in ("checkpoint.pt", "training.csv", "run"))
    training = Pipeline(scratch, ours, trained[:1], trained)
    found = [window for window in training.windows() if window.process in ("train", "training")]
    yield from training.attempts("specialize, in Snakemake", found[:: max(len(found) // SAMPLE, 1)])


def at_random_times(scratch: Path, wanted: Place) -> list[at_random.Campaign]:
    """Campaigns until there were enough kills; each stage is to be hit `EACH` times."""
    scratch.mkdir(parents=True, exist_ok=True)
    seconds = dict(at_random.usual(wanted))
    blows, found = at_random.drawn(list(seconds), EACH, SEED), []
    while sum(len(campaign.dealt) for campaign in found) < LEAST and len(found) < 2 * EACH:
        place = Place.new(scratch / f"campaign{len(found)}", runs.TRAINED)
        found.append(at_random.Campaign(place).fight(blows, seconds, wanted))
        blows = [blow for blow in blows if blow not in found[-1].dealt]
    return found


def by_stage(attempts: Iterable[Attempt]) -> Iterator[tuple[str, ...]]:
    """A row of each stage's aimed kills."""
    found: dict[str, list[Attempt]] = {}
    for one in attempts:
        found.setdefault(one.stage, []).append(one)
    for stage, all_ in found.items():
        windows = {(one.window.process, one.window.number) for one in all_}
        yield stage, str(len(windows)), str(len(all_)), str(sum(bool(one.faults) for one in all_))


def by_kind(campaigns: Sequence[at_random.Campaign]) -> Iterator[tuple[str, ...]]:
    """A row of each kind of random kills; faults are of a whole campaign."""
    dealt = [blow for campaign in campaigns for blow in campaign.dealt]
    for how in at_random.HOW:
        hit = [blow for blow in dealt if blow.how == how]
        yield f"at random: {how}", str(len({blow.stage for blow in hit})), str(len(hit)), ""
    faults = [fault for campaign in campaigns for fault in campaign.faults]
    yield "campaigns to the end", "", str(len(campaigns)), str(len(faults))


def gather(scratch: Path) -> Evidence:
    """Make the runs, kill them everywhere, and say what became of them."""
    with ExitStack() as stack:
        trained = runs.trained(scratch)
        attempts = [*aimed(scratch / "aimed", trained)]
        attempts += pipeline(scratch / "pipeline", trained[1])
        done = {one.stage for one in attempts}
        attempts += aimed(scratch / "aimed", stack.enter_context(runs.fetched(scratch, trained)), done)
        campaigns = at_random_times(scratch / "random", trained[0])
    kills = sum(len(campaign.dealt) for campaign in campaigns)
    wrong = [one for one in attempts if one.faults]
    failed = len(wrong) + sum(len(campaign.faults) for campaign in campaigns) + max(LEAST - kills, 0)
    told = [(one.stage, str(one.window), one.restart, "; ".join(one.faults)) for one in wrong]
    told += [("at random", "", "", fault) for campaign in campaigns for fault in campaign.faults]
    return Evidence(
        title="Kills",
        headline=f"{len(attempts)} restarts after aimed kills, {kills} random kills; {failed} ended otherwise than an "
        "uninterrupted run",
        columns=COLUMNS,
        rows=(*by_stage(attempts), *by_kind(campaigns), *told),
        failed=failed,
    )
