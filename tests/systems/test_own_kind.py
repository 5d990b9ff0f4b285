"""A kind of the tests' own, with an offset for each direction: one module and one line take it through everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import pytest
import torch

from tests.conftest import DIRECTIONS, TRAINING, Result, TinyRun
from tests.test_configuration import check, config, run_of
from workflow_scripts.artifacts import read_translations
from workflow_scripts.errors import UserError
from workflow_scripts.formats import checkpoint
from workflow_scripts.layers.own_names import owners_of
from workflow_scripts.systems.system import Weights
from workflow_scripts.training import provenance

SYSTEM = ("--kind", "offset", "--settings", json.dumps({"offset": {"times": 2}}))
PLACES = [f"{component}_{layer}_fc2" for component in ("encoder", "decoder") for layer in range(2)]


def test_the_configuration_takes_its_keys(registered):
    made = run_of(systems={"baseline": {}, "own": {"offset": {}}}).systems["own"]
    assert (made.kind_name, made.weights) == ("offset", Weights.TRAINED)
    assert made.options == {"kind": "offset", "masks": [], "settings": {"offset": {"times": 1}}}
    assert made.masks == made.components == []


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (
            {"offset": {}, "masks": {"select": "cumulative", "k": 95}},
            r"`masks` \(neurons of .*\) goes with checkpoint alone; here it stands with offset",
        ),
        (
            {"offset": {}, "continue": True},
            r"systems\.own: `continue` trains without .*; here it stands with offset",
        ),
        (
            {"offset": {}, "checkpoint": {"path": "a"}},
            r"`offset` \(an offset of .*\) goes with no other key; here it stands with checkpoint",
        ),
        ({"offset": {}, "training": {"max_update": 0}}, "without training .* it would be the baseline"),
        ({"offset": {"size": 3}}, r"systems\.own\.offset: unknown key size; known keys are times"),
    ],
)
def test_what_does_not_go_together_is_refused(registered, system, message):
    with pytest.raises(UserError, match=message):
        check(config(systems={"baseline": {}, "own": system}))


def test_a_kind_that_cannot_be_folded_needs_the_engine_that_runs_models(registered, monkeypatch):
    adapter = registered.OwnParameters(("fc2",), registered.shapes, registered.act)
    kind = registered.own_kind("offset", registered.KIND.options["offset"], adapter, "an offset")
    monkeypatch.setattr(registered, "KIND", kind)
    systems = {"baseline": {}, "own": {"offset": {}}}
    check(config(systems=systems))
    made = config(systems=systems, decode__engine="ctranslate2")
    with pytest.raises(
        UserError, match=r"systems\.own: an offset \(offset\) cannot be decoded by .* ctranslate2; set it, .* to"
    ):
        check(made)


@pytest.fixture(scope="module")
def trained(tiny_run: TinyRun, called: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a system that went on from the baseline for six updates."""
    folder = tmp_path_factory.mktemp("own")
    settings = TRAINING | {"max_update": 6, "validate_every": 3, "lr": 0.05}
    called(
        *("train", "--name", "own", "--data", tiny_run.manifest, "--pairs", ",".join(DIRECTIONS), *SYSTEM),
        *("--start", tiny_run.checkpoint, "--training", json.dumps(settings), "--work", folder / "run"),
        *("--output", folder / "checkpoint.pt"),
    ).ok()
    return folder


def test_the_checkpoint_holds_each_directions_parameters_and_says_what_it_is(trained):
    found = checkpoint.read_checkpoint(trained / "checkpoint.pt")
    assert sorted(owners_of(found.state)) == sorted(DIRECTIONS)
    own = {name: tensor for name, tensor in found.state.items() if name.startswith("own.")}
    assert sorted(own) == sorted(f"own.{pair}.{place}.offset" for pair in DIRECTIONS for place in PLACES)
    assert all(tensor.shape == (16,) for tensor in own.values())
    assert any(tensor.any() for tensor in own.values())
    made = provenance.read(trained / "checkpoint.pt")
    assert (made["own"], made["masks"]) == ({"offset": {"offset": {"times": 2}}}, None)


def decode(called, tiny_run: TinyRun, trained: Path, output: Path, *options: object) -> Result:
    return called(
        *("decode", "--system", "own", "--data", tiny_run.manifest, "--test-set", tiny_run.test_set),
        *("--checkpoint", trained / "checkpoint.pt", "--pairs", "en-qa,qe-en", "--max-length", 40, "--device", "cpu"),
        *("--output", output, *options),
    )


def test_both_engines_translate_with_each_directions_own(tiny_run, called, trained, tmp_path):
    for engine in ("fairseq", "ctranslate2"):
        decode(called, tiny_run, trained, tmp_path / engine, *SYSTEM, "--engine", engine).ok()
    for pair in ("en-qa", "qe-en"):
        ours, theirs = (
            read_translations(tmp_path / f"{engine}/{pair}.parquet") for engine in ("fairseq", "ctranslate2")
        )
        assert [row["hypothesis"] for row in ours[0]] == [row["hypothesis"] for row in theirs[0]]
        assert [row["score"] for row in ours[0]] == pytest.approx([row["score"] for row in theirs[0]], abs=1e-4)
        assert ours[1]["own"] == {"offset": {"offset": {"times": 2}}}


def test_a_checkpoint_is_decoded_as_it_was_trained(tiny_run, called, trained, tmp_path):
    other = decode(called, tiny_run, trained, tmp_path, "--kind", "offset", "--settings", '{"offset": {"times": 1}}')
    assert other.code == 2
    own = [json.dumps({"offset": {"offset": {"times": times}}}) for times in (2, 1)]
    assert f"was trained as {own[0]} and is given {own[1]}" in other.err
    assert not list(tmp_path.iterdir())


def test_an_exported_direction_is_a_plain_model(tiny_run, called, trained, tmp_path):
    files = ("--data", tiny_run.manifest, "--checkpoint", trained / "checkpoint.pt", *SYSTEM)
    called("export", "--system", "own", "--pair", "en-qa", *files, "--output", tmp_path / "small").ok()
    state = torch.load(tmp_path / "small/fairseq/checkpoint.pt", weights_only=True)["model"]
    assert not owners_of(state)
    whole = checkpoint.read_checkpoint(trained / "checkpoint.pt").state
    for component in ("encoder", "decoder"):
        name = f"{component}.layers.1.fc2.bias"
        folded = whole[name] + 2 * whole[f"own.en-qa.{component}_1_fc2.offset"]
        torch.testing.assert_close(state[name], folded)
    ctranslate2.Translator(str(tmp_path / "small/ctranslate2"))
    refused = called("export", "--system", "own", "--format", "transformers", *files, "--output", tmp_path / "whole")
    assert (refused.code, "has parameters for each direction: --pair is needed" in refused.err) == (2, True)
