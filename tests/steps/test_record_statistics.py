"""Each statistic of a neuron equals its definition, sentence by sentence, in autograd's own words."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from torch.nn import functional

from tests.conftest import TinyRun
from workflow_scripts.artifacts import STATISTICS, read_activations
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.direction import Direction
from workflow_scripts.fairseq_plugin import datasets
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.layers.specialized_ffn import ffn_layers
from workflow_scripts.neurons.criterion import GRADIENTS

PAIR = "en-qa"
FREE = [name for name in STATISTICS if name not in GRADIENTS]


def by_definition(tiny_run: TinyRun) -> dict:
    """All statistics of one direction's validation text; one sentence at a time, so nothing is padding."""
    manifest = read_manifest(tiny_run.manifest)
    model, dictionary, _ = transformer.load_model(tiny_run.checkpoint, manifest)
    dataset = datasets.load_direction(manifest.folders("valid"), "valid", Direction.parse(PAIR), dictionary)
    before, after = {}, {}
    for key, layer in ffn_layers(model).items():

        def keep_before(_, __, output, key=key) -> None:
            before[key] = output.detach()[:, 0].double().numpy()

        def keep_after(_, inputs, key=key) -> None:
            inputs[0].retain_grad()
            after[key] = inputs[0]

        layer.fc1.register_forward_hook(keep_before)
        layer.fc2.register_forward_pre_hook(keep_after)
    sums: dict = defaultdict(lambda: defaultdict(float))
    for line in range(len(dataset)):
        batch = datasets.collate(dataset, [line])
        logits, _ = model(**batch["net_input"])
        functional.cross_entropy(logits.flatten(0, 1), batch["target"].flatten(), reduction="sum").backward()
        for key, layer in ffn_layers(model).items():
            a, g = after[key].detach()[:, 0].double().numpy(), after[key].grad[:, 0].double().numpy()
            own, masked = sums[key], np.maximum(layer.fc1.bias.detach().double().numpy(), 0)
            own["count"] += (a > 0).sum(0)
            own["count_even"] += (a > 0).sum(0) * (line % 2 == 0)
            own["sum"] += a.sum(0)
            own["sum_sq"] += (a**2).sum(0)
            own["abs_pre"] += np.abs(before[key]).sum(0)
            own["taylor"] += np.abs(a * g).sum(0)
            own["snip"] += (a * g).sum(0)
            own["fisher"] += (a * g).sum(0) ** 2
            own["effect"] += ((masked - a) * g).sum(0)
    for key, layer in ffn_layers(model).items():
        sums[key]["snip"] = np.abs(sums[key]["snip"])
        sums[key]["w1_norm"] = np.sqrt((layer.fc1.weight.detach().double().numpy() ** 2).sum(1))
        sums[key]["w2_norm"] = np.sqrt((layer.fc2.weight.detach().double().numpy() ** 2).sum(0))
    return sums


@pytest.fixture(scope="module")
def expected(tiny_run: TinyRun) -> dict:
    return by_definition(tiny_run)


@pytest.fixture
def recorded(command, tiny_run: TinyRun, tmp_path):
    """`recorded(option, …)`: the activations that the command records."""

    def record(*options: object):
        files = ("--data", tiny_run.manifest, "--checkpoint", tiny_run.checkpoint, "--output", tmp_path)
        command("record", *files, "--pairs", PAIR, "--device", "cpu", *options).ok()
        return read_activations(tmp_path / f"{PAIR}.parquet")

    return record


@pytest.mark.parametrize("tokens", [60, 300, 2000])
def test_statistics_are_those_of_sentences_one_by_one(recorded, expected, tokens):
    found = recorded("--max-tokens", tokens, "--gradients", "true").values
    assert found.keys() == expected.keys()
    for key, columns in found.items():
        assert list(columns) == list(STATISTICS)
        for name in ("count", "count_even"):
            # Another batch may round a value around zero to its other side.
            assert np.abs(columns[name] - expected[key][name]).sum() <= 2
        for name in set(STATISTICS) - {"count", "count_even", "count_all"}:
            # One that does so changes the gradients of all below it.
            slack = np.abs(expected[key][name]).max() * (2e-3 if name in GRADIENTS else 1e-5)
            np.testing.assert_allclose(columns[name], expected[key][name], rtol=1e-4, atol=slack, err_msg=name)


def test_padding_is_counted_apart(recorded):
    found = recorded("--max-tokens", 2000)
    padded = found.counting("all")
    for component in ("encoder", "decoder"):
        assert padded.positions[component] > found.positions[component]
        even, odd = (found.half(number).positions[component] for number in (0, 1))
        assert even + odd == found.positions[component]
        assert min(even, odd) > 0
    assert sum(int(columns["count_all"].sum() - columns["count"].sum()) for columns in found.values.values()) > 0
    for key, columns in found.values.items():
        assert list(columns) == FREE
        np.testing.assert_array_equal(padded.counts[key], columns["count_all"])


def test_criteria_choose_by_what_was_recorded(command, recorded, tmp_path):
    """Through the command: what needs gradients is refused without them, by name."""
    plain = recorded()
    options = ("--fraction", 0.5, tmp_path / f"{PAIR}.parquet", "--output", tmp_path / "m.parquet", "--system", "x")
    for name in ("absolute", "wanda", "magnitude"):
        command("masks", "--select", name, *options).ok()
    said = command("masks", "--select", "effect", *options)
    assert said.code == 2
    assert f"the activations of {PAIR} have no effect" in said.err
    again = recorded("--gradients", "true")
    assert again.digest(FREE) == plain.digest(FREE)
    for name in ("fisher", "snip", "taylor", "effect"):
        command("masks", "--select", name, *options).ok()
