"""Every criterion against an independent slow definition, and published formulas on examples worked by hand."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.neurons.criteria import CRITERIA
from workflow_scripts.neurons.criteria.lape import entropy
from workflow_scripts.neurons.criteria.lape import kept as kept_by_lape
from workflow_scripts.neurons.criteria.na import allocated
from workflow_scripts.neurons.criterion import Neurons
from workflow_scripts.neurons.ranking import exact, largest, part, reaching

COLUMNS = ("abs_pre", "sum_sq", "w1_norm", "w2_norm", "fisher", "snip", "taylor", "effect")
FAMILIES = {"en": "Germanic", "de": "Germanic", "nl": "Germanic", "fr": "Romance", "es": "Romance"}
PAIRS = ("en-de", "en-nl", "en-fr", "de-en", "fr-en", "es-en", "de-fr", "nl-es")
LAYERS = (("encoder", 0), ("encoder", 1), ("decoder", 0))
SEED = st.integers(0, 2**32)
FEW = settings(max_examples=30)
"""For examples that hold many layers each."""
RANKED = {
    "absolute": lambda v, i: v["abs_pre"][i],
    "wanda": lambda v, i: v["w2_norm"][i] * math.sqrt(v["sum_sq"][i]),
    "magnitude": lambda v, i: v["w1_norm"][i] * v["w2_norm"][i],
    "fisher": lambda v, i: v["fisher"][i],
    "snip": lambda v, i: abs(v["snip"][i]),
    "taylor": lambda v, i: v["taylor"][i],
    "effect": lambda v, i: v["effect"][i],
}


def kind(pair: str) -> str:
    return "en-x" if pair.startswith("en-") else "x-en" if pair.endswith("-en") else "x-x"


def made(seed: int, width: int = 9, pairs=PAIRS, **more) -> Neurons:
    """Neurons of small whole numbers, many of them equal, and of positions that differ by direction."""
    draw = np.random.default_rng(seed)
    statistics = {
        pair: {
            layer: {"count": draw.integers(0, 6, width), **{name: draw.integers(0, 6, width) / 2 for name in COLUMNS}}
            for layer in LAYERS
        }
        for pair in pairs
    }
    for layers in statistics.values():
        for values in layers.values():
            values["count"][draw.integers(width)] += 1
            values["effect"] -= 1.5
            values["snip"] -= 1.5
    like = {
        pair: {layer: np.flatnonzero(draw.random(width) < 0.6).astype(np.int32) for layer in LAYERS} for pair in pairs
    }
    positions = {pair: {"encoder": int(draw.integers(7, 30)), "decoder": int(draw.integers(7, 30))} for pair in pairs}
    return Neurons(statistics, {p: kind(p) for p in pairs}, ("encoder", "decoder"), like, FAMILIES, positions, **more)


def other_order(neurons: Neurons) -> Neurons:
    """The same with directions the other way round."""
    back = [dict(reversed(each.items())) for each in (neurons.statistics, neurons.like)]
    return Neurons(back[0], neurons.kinds, neurons.components, back[1], neurons.families, neurons.positions)


def chosen(name: str, neurons: Neurons, **options) -> dict[tuple[str, tuple[str, int]], list[int]]:
    criterion = CRITERIA[name]
    found = list(criterion.choose(neurons, **criterion.defaults | options))
    assert all(kept.neurons.dtype == np.int32 for kept in found)
    assert all(kept.neurons.tolist() == sorted(set(kept.neurons.tolist())) for kept in found)
    return {(kept.pair, kept.layer): kept.neurons.tolist() for kept in found}


def first(scores, size: int) -> list[int]:
    return sorted(sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:size])


def until(scores, k) -> list[int]:
    """Neuron after neuron until k percent of the sum, by fractions."""
    scores, kept = [Fraction(score) for score in scores], []
    for neuron in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if 100 * sum(scores[i] for i in kept) >= Fraction(str(k)) * sum(scores):
            break
        kept.append(neuron)
    return sorted(kept)


FLOATS = st.lists(st.floats(0, 1e300) | st.sampled_from([0.1, 0.2, 0.3, 5e-324]), min_size=1, max_size=12).filter(any)


@given(FLOATS, st.integers(1, 1000).map(lambda tenths: tenths / 10))
def test_percent_of_a_sum_of_floats_is_exact(scores, k):
    assert reaching(np.array(scores), k).tolist() == until(scores, k)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=12))
def test_exact_keeps_proportions(scores):
    found = exact(np.array(scores)).tolist()
    factors = {Fraction(whole) / Fraction(score) for whole, score in zip(found, scores, strict=True) if score}
    assert all(isinstance(whole, int) for whole in found)
    assert len(factors) <= 1


@pytest.mark.parametrize(("fraction", "whole", "size"), [(0.1, 4, 1), (0.29, 100, 29), (0.25, 10, 3), (1, 7, 7)])
def test_a_fraction_is_the_nearest_whole_number_and_never_none(fraction, whole, size):
    assert part(fraction, whole) == size


@pytest.mark.parametrize("name", RANKED)
@FEW
@given(seed=SEED, fraction=st.integers(1, 100).map(lambda percent: percent / 100), k=st.integers(1, 100))
def test_ranked_is_the_definition(name, seed, fraction, k):
    neurons = made(seed)
    shares, copied = chosen(name, neurons, fraction=fraction), chosen(name, neurons)
    for pair, layer, values in neurons.layers():
        scores = [RANKED[name](values, i) for i in range(9)]
        assert shares[pair, layer] == first(scores, max(1, math.floor(fraction * 9 + 0.5)))
        assert copied[pair, layer] == first(scores, len(neurons.like[pair][layer]))
        if name != "effect" and any(scores):
            assert reaching(np.array(scores), k).tolist() == until(scores, k)


@pytest.mark.parametrize("name", [name for name in RANKED if name != "effect"])
def test_ranked_takes_k_as_cumulative_does(name):
    neurons = made(4)
    four = {"en-x": {"encoder": 95, "decoder": 50}, "x-en": {"encoder": 30, "decoder": 70}}
    found = list(CRITERIA[name].choose(neurons, k=four))
    assert {(kept.pair, kept.layer[0], kept.k) for kept in found} == {
        (pair, component, four["en-x" if kind(pair) == "en-x" else "x-en"][component])
        for pair in PAIRS
        for component in ("encoder", "decoder")
    }
    for kept in found:
        scores = [RANKED[name](neurons.statistics[kept.pair][kept.layer], i) for i in range(9)]
        assert kept.neurons.tolist() == until(scores, kept.k)


@FEW
@given(SEED)
def test_only_components_that_are_masked(seed):
    neurons = made(seed)
    half = Neurons(**{**vars(neurons), "components": ("decoder",)})
    for name in CRITERIA:
        way = {"seed": 3} if "seed" in CRITERIA[name].options else {}
        way |= {"k": 60} if "k" in CRITERIA[name].required else {}
        way |= {"fraction": 0.5} if name == "top" else {"threshold": 0.01} if name == "frequency" else {}
        found = chosen(name, half, **way)
        assert {layer[0] for _, layer in found} == {"decoder"}
        assert {pair for pair, _ in found} == set(PAIRS)
        # Nor does the order of directions decide anything.
        assert chosen(name, other_order(half), **way) == found


@pytest.mark.parametrize("name", RANKED)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_named(name, wrong):
    neurons = made(1)
    for column in COLUMNS:
        neurons.statistics["en-fr"]["encoder", 1][column][2] = wrong
    with pytest.raises(ValueError, match=r"en-fr, encoder layer 1: the score of neuron 2 is (nan|inf), not a finite"):
        chosen(name, neurons, fraction=0.5)


def test_a_share_of_the_sum_needs_scores_that_are_not_negative():
    with pytest.raises(ValueError, match="scores cannot be negative"):
        reaching([3, -1], 50)
    with pytest.raises(ValueError, match="no score is above 0"):
        reaching([0.0, 0.0], 50)


@FEW
@given(SEED, st.integers(1, 100))
def test_top_inverse_and_frequency(seed, percent):
    neurons = made(seed)
    top, inverse = chosen("top", neurons, fraction=percent / 100), chosen("inverse", neurons)
    for pair, layer, values in neurons.layers():
        counts = values["count"].tolist()
        assert top[pair, layer] == first(counts, max(1, math.floor(percent * 9 / 100 + 0.5)))
        least = sorted(range(9), key=lambda i: (counts[i], i))
        assert inverse[pair, layer] == sorted(least[: len(neurons.like[pair][layer])])
    try:
        found = chosen("frequency", neurons, threshold=percent / 100)
    except ValueError as error:
        found = str(error)
    expected = {
        (pair, layer): [
            i for i in range(9) if Fraction(int(values["count"][i]), neurons.positions[pair][layer[0]])
            >= Fraction(percent, 100)
        ]
        for pair, layer, values in neurons.layers()
    }  # fmt: skip
    if all(expected.values()):
        assert found == expected
    else:
        pair, layer = next(place for place, kept in expected.items() if not kept)
        assert f"{pair}, {layer[0]} layer {layer[1]}: no neuron fires" in found


def group(name: str, pair: str):
    source, target = pair.split("-")
    return {
        "family": (kind(pair), FAMILIES[source], FAMILIES[target]),
        "source": (kind(pair), source),
        "target": (kind(pair), target),
        "same": None,
    }[name]


@pytest.mark.parametrize("name", ["family", "source", "target", "same"])
@FEW
@given(seed=SEED, k=st.integers(1, 100))
def test_pooled_is_the_definition(name, seed, k):
    neurons = made(seed)
    by_k, by_share, copied = (chosen(name, neurons, **way) for way in ({"k": k}, {"fraction": 0.4}, {}))
    for pair, layer, _ in neurons.layers():
        members = [other for other in PAIRS if group(name, other) == group(name, pair)]
        rates = [
            sum(
                Fraction(int(neurons.statistics[other][layer]["count"][i]), neurons.positions[other][layer[0]])
                for other in members
            )
            for i in range(9)
        ]
        assert by_k[pair, layer] == until(rates, k)
        assert by_share[pair, layer] == first(rates, 4)
        sizes = [len(neurons.like[other][layer]) for other in PAIRS]
        size = math.floor(Fraction(sum(sizes), len(sizes)) + Fraction(1, 2))
        assert copied[pair, layer] == first(rates, size if name == "same" else len(neurons.like[pair][layer]))


def test_what_pooling_needs_and_has_not_is_named():
    neurons = made(2)
    without = Neurons(**{**vars(neurons), "families": {"en": "Germanic"}})
    with pytest.raises(ValueError, match="en-de: the family of de is not known"):
        chosen("family", without, k=95)
    without = Neurons(**{**vars(neurons), "positions": {}})
    for name in ("family", "same"):
        with pytest.raises(ValueError, match=r"over how many positions of en-de \(encoder\)"):
            chosen(name, without, k=95)
    four = {"en-x": {"encoder": 95, "decoder": 50}, "x-en": {"encoder": 30, "decoder": 70}}
    with pytest.raises(ValueError, match="one set for all directions needs the same k for all"):
        chosen("same", neurons, k=four)


# Controls


@FEW
@given(SEED, SEED)
def test_permuted_keeps_every_size_and_overlap(seed, draw):
    neurons = made(seed, width=12)
    found = chosen("permuted", neurons, seed=draw)
    assert found == chosen("permuted", neurons, seed=draw)
    for layer in LAYERS:
        ours = [set(found[pair, layer]) for pair in PAIRS]
        theirs = [set(neurons.like[pair][layer].tolist()) for pair in PAIRS]
        assert [[len(a & b) for b in ours] for a in ours] == [[len(a & b) for b in theirs] for a in theirs]


def test_permuted_are_other_neurons_in_every_layer_and_by_seed():
    neurons = made(3, width=40)
    one, other = chosen("permuted", neurons, seed=1), chosen("permuted", neurons, seed=2)
    assert one != other
    whole = {pair: {layer: np.arange(20) for layer in LAYERS} for pair in PAIRS}
    found = chosen("permuted", Neurons(**{**vars(neurons), "like": whole}), seed=1)
    assert len({tuple(kept) for kept in found.values()}) == len(LAYERS)


LANGUAGES = [f"l{number}" for number in range(9)]


@given(st.lists(st.integers(0, 3), min_size=2, max_size=9), SEED)
def test_exchanged_is_a_derangement_across_families_as_far_as_can_be(families, draw):
    of = dict(zip(LANGUAGES, map(str, families), strict=False)) | {"en": "own"}
    pairs = [f"en-{code}" for code in LANGUAGES[: len(families)]]
    pairs += [f"{code}-en" for code in LANGUAGES[: len(families)]]
    # Each direction's set is its own number, so that what was taken from whom can be read.
    like = {pair: {("encoder", 0): np.array([number], dtype=np.int32)} for number, pair in enumerate(pairs)}
    statistics = {pair: {("encoder", 0): {"count": np.ones(len(pairs), dtype=int)}} for pair in pairs}
    neurons = Neurons(statistics, {pair: kind(pair) for pair in pairs}, ("encoder",), like, of)
    found = chosen("exchanged", neurons, seed=draw)
    taken = {pair: pairs[kept[0]] for (pair, _), kept in found.items()}
    assert chosen("exchanged", other_order(neurons), seed=draw) == found
    assert sorted(taken) == sorted(taken.values()) == sorted(pairs)
    for which in ("en-x", "x-en"):
        mine = {pair: other for pair, other in taken.items() if kind(pair) == which}
        assert all(pair != other and kind(other) == which for pair, other in mine.items())
        within = sum(group_of(pair, of) == group_of(other, of) for pair, other in mine.items())
        most = max(families.count(family) for family in families)
        # Of the largest family at most as many can go elsewhere as there are others.
        assert within == max(0, 2 * most - len(families))


def group_of(pair: str, of: dict[str, str]) -> str:
    return of[next(code for code in pair.split("-") if code != "en")]


def test_exchanged_follows_its_seed_and_refuses_a_single_direction():
    neurons = made(5)
    assert len({str(chosen("exchanged", neurons, seed=seed)) for seed in range(12)}) > 1
    alone = made(5, pairs=("en-de", "en-fr", "de-en"))
    with pytest.raises(ValueError, match="de-en is the only direction of kind x-en"):
        chosen("exchanged", alone, seed=1)


# Published formulas, by hand


def test_na_mnmt_on_an_example_worked_by_hand():
    importance = np.array(
        [
            # sums: 9, 10, 1.9, 2, 1, 8, 7, 6, 5, 4: seven of ten are general: 0, 1, 5, 6, 7, 8 and 9
            [4.0, 5.0, 1.0, 1.0, 1.0, 4.0, 3.0, 3.0, 2.0, 2.0],
            [5.0, 5.0, 0.9, 1.0, 0.0, 4.0, 4.0, 3.0, 3.0, 2.0],
        ]
    )
    general = [0, 1, 5, 6, 7, 8, 9]
    # 2: 0.9 is not above 0.9 · 1; 3: of both; 4: of the first
    first_, second = allocated(importance, 0.7, 0.9)
    assert first_.tolist() == sorted([*general, 2, 3, 4])
    assert second.tolist() == sorted([*general, 3])
    assert allocated(importance, 0.7, 0.85)[1].tolist() == sorted([*general, 2, 3])


@pytest.mark.parametrize(("statistic", "column"), [("taylor", "taylor"), ("absolute", "abs_pre")])
@FEW
@given(seed=SEED)
def test_na_is_the_definition(statistic, column, seed):
    neurons = made(seed)
    found = chosen("na", neurons, statistic=statistic)
    assert CRITERIA["na"].needed({"statistic": statistic}) == (column,)
    for layer in LAYERS:
        # The same numbers as the criterion adds, in the same order: which are equal is a matter of rounding.
        means = {
            p: [float(v) / neurons.positions[p][layer[0]] for v in neurons.statistics[p][layer][column]]
            for p in sorted(PAIRS)
        }
        sums = np.array(list(means.values())).sum(axis=0).tolist()
        general = first(sums, 6)
        for pair in PAIRS:
            own = [i for i in range(9) if means[pair][i] > 0.9 * max(mean[i] for mean in means.values())]
            assert found[pair, layer] == sorted({*general, *own})


def test_lape_on_an_example_worked_by_hand():
    rates = np.array(
        [
            [0.8, 0.5, 0.0, 0.4, 0.1],
            [0.0, 0.5, 0.0, 0.4, 0.1],
            [0.0, 0.0, 0.0, 0.4, 0.9],
            [0.0, 0.0, 0.0, 0.4, 0.1],
        ]
    )
    assert entropy(rates)[:4] == pytest.approx([0, math.log(2), 0, math.log(4)])
    assert entropy(rates)[4] == pytest.approx(-(0.75 * math.log(0.75) + 3 / 12 * math.log(1 / 12)))
    # Sixteen of twenty rates are at most 0.4; above it fire neurons 0, 1 and 4. Neuron 2 never fires and is general,
    # although its entropy is 0. Two of five are specific: 0 (entropy 0) and 1 (0.69, before 4 with 0.84).
    found = kept_by_lape(rates, top_rate=0.4, filter_rate=0.8, activation_bar_ratio=0.8)
    assert [np.flatnonzero(row).tolist() for row in found] == [[0, 1, 2, 3, 4], [1, 2, 3, 4], [2, 3, 4], [2, 3, 4]]
    # At a bar of 0.5 (eighteen of twenty) neuron 1 fires often for nobody: it is not specific, so 4 is.
    found = kept_by_lape(rates, top_rate=0.4, filter_rate=0.9, activation_bar_ratio=0.8)
    assert [np.flatnonzero(row).tolist() for row in found] == [[0, 1, 2, 3], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3]]


@FEW
@given(SEED, st.integers(1, 99), st.integers(1, 99), st.integers(1, 99))
def test_lape_is_the_definition_over_all_layers_jointly(seed, top, bar, own):
    neurons = made(seed)
    found = chosen("lape", neurons, top_rate=top / 100, filter_rate=bar / 100, activation_bar_ratio=own / 100)
    order = sorted(LAYERS)
    places = [(layer, i) for layer in order for i in range(9)]
    rate = {
        (p, *at): int(neurons.statistics[p][at[0]]["count"][at[1]]) / neurons.positions[p][at[0][0]]
        for p in PAIRS
        for at in places
    }

    def bar_at(percent):
        return sorted(rate.values())[max(1, math.floor(Fraction(percent, 100) * len(rate) + Fraction(1, 2))) - 1]

    def disorder(at):
        column = np.array([[rate[p, *at]] for p in sorted(PAIRS)])
        return float(entropy(np.repeat(column, 2, axis=1))[0])

    frequent = [at for at in places if any(rate[p, *at] > bar_at(bar) for p in PAIRS)]
    count = max(1, math.floor(Fraction(top, 100) * len(places) + Fraction(1, 2)))
    specific = sorted(frequent, key=lambda at: (round(disorder(at), 12), places.index(at)))[:count]
    limit = round(disorder(specific[-1]), 12) if specific else 0
    for pair in PAIRS:
        for layer in order:
            for i in range(9):
                # Equal up to rounding: either may be the last that is specific.
                if (layer, i) in frequent and abs(disorder((layer, i)) - limit) < 1e-9:
                    continue
                expected = (layer, i) not in specific or rate[pair, layer, i] > bar_at(own)
                assert (i in found[pair, layer]) == expected


def test_lape_needs_two_directions():
    with pytest.raises(ValueError, match="en-de: specific neurons are told by two directions or more"):
        chosen("lape", made(1, pairs=("en-de",)))


def test_equal_scores_come_by_the_lower_index():
    assert largest([1.0, 2.0, 2.0, 0.5, 2.0], 2).tolist() == [1, 2]
    assert largest([-0.0, 0.0, 0.0], 1).tolist() == [0]
