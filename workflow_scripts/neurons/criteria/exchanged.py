"""The control of direction: each keeps the neurons that another system keeps for another direction of its kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping

from workflow_scripts.neurons.criterion import LIKE, SEED, Criterion, Kept, Neurons
from workflow_scripts.neurons.draws import generator
from workflow_scripts.neurons.pooling import families

CODE = ("neurons.criterion", "neurons.draws", "neurons.pooling", "neurons.ranking")


def derangement(groups: Mapping[str, Hashable], seed: int, *names: object) -> dict[str, str]:
    """For each of at least two members another one, each once, and of another group wherever that is possible.

    Members stand in a circle, group by group, in an order by chance, and each takes what stands as many places on as
    the largest group has members: of another group, unless more than half are of that one. Then as few as can be stay
    within it. Depends on `seed`, `names` and what `groups` says, not on its order.
    """
    members = [sorted(groups)[place] for place in generator(seed, *names).permutation(len(groups))]
    rank = {group: number for number, group in enumerate(dict.fromkeys(groups[member] for member in members))}
    circle = sorted(members, key=lambda member: rank[groups[member]])
    largest = max(Counter(groups.values()).values())
    step = largest if largest < len(circle) else 1
    return {member: circle[(place + step) % len(circle)] for place, member in enumerate(circle)}


def choose(neurons: Neurons, seed: int) -> Iterator[Kept]:
    """The neurons of another direction. Raises `ValueError` naming a kind that has a single direction."""
    taken: dict[str, str] = {}
    for kind in sorted({neurons.kinds[pair] for pair in neurons.like}):
        pairs = [pair for pair in neurons.like if neurons.kinds[pair] == kind]
        if len(pairs) < 2:
            raise ValueError(f"{pairs[0]} is the only direction of kind {kind}, so there is none to exchange it with")
        taken |= derangement({pair: families(neurons, pair) for pair in pairs}, seed, "exchanged", kind)
    for pair, other in taken.items():
        for layer, kept in neurons.like[other].items():
            if layer[0] in neurons.components:
                yield Kept(pair, layer, kept)


CRITERION = Criterion(
    summary="those that another system keeps for another direction of the same kind, of another family where it can",
    label="exchanged neurons",
    choose=choose,
    options={"like": LIKE, "seed": SEED},
    required=("like", "seed"),
    statistics=(),
    families=True,
)
