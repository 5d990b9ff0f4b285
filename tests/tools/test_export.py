"""An exported direction against the masked full model it was made from."""

from __future__ import annotations

import subprocess
import sys

import ctranslate2
import numpy as np
import pytest
import torch

from tests.conftest import ROOT
from workflow_scripts.artifacts import Mask, write_masks
from workflow_scripts.direction import Direction

PAIR = "en-qa"


@pytest.fixture(scope="module")
def masks(tiny_run, tmp_path_factory):
    """Masks of one direction, as wide as they happen to be drawn."""
    random = np.random.default_rng(1)
    rows = [
        Mask(PAIR, component, layer, 48, np.flatnonzero(random.random(48) < 0.6).astype(np.int32), None, 0.9)
        for component in ("encoder", "decoder")
        for layer in range(2)
    ]
    path = tmp_path_factory.mktemp("masks") / "drawn.parquet"
    write_masks(path, rows, {"system": "drawn"})
    return path, rows


def arguments(tiny_run, masks, output, *more):
    files = ("--data", tiny_run.manifest, "--checkpoint", tiny_run.checkpoint, "--masks", masks[0])
    return ("export", "--system", "drawn", "--pair", PAIR, *files, "--output", output, *more)


@pytest.fixture(scope="module")
def exported(tiny_run, masks, tmp_path_factory):
    from tests.conftest import call

    output = tmp_path_factory.mktemp("exported") / PAIR
    call(*arguments(tiny_run, masks, output)).ok()
    return output


@pytest.fixture(scope="module")
def full(tiny_run, masks):
    """The masked model of full width, its dictionary, and a few of its sentence pairs as symbols with tags."""
    from workflow_scripts.corpus.manifest import read_manifest
    from workflow_scripts.fairseq_plugin import datasets
    from workflow_scripts.fairseq_plugin import model as transformer
    from workflow_scripts.layers.specialized_ffn import DirectionMasks

    manifest = read_manifest(tiny_run.manifest)
    model, dictionary, _ = transformer.load_model(tiny_run.checkpoint, manifest)
    DirectionMasks(model, masks[1]).activate(PAIR)
    dataset = datasets.load_direction([tiny_run.test_set.parent / "bin"], "test", Direction.parse(PAIR), dictionary)
    sources = [["__en__", *line] for line in datasets.pieces(dataset, "src", dictionary)]
    targets = [["__qa__", *line] for line in datasets.pieces(dataset, "tgt", dictionary)]
    return model, dictionary, sources, targets


def log_probabilities(model, dictionary, source, target) -> np.ndarray:
    """Of each target symbol and the end, [n + 1], by a fairseq model."""
    encoded, told = (
        torch.tensor([[dictionary.index(symbol) for symbol in line] + [dictionary.eos()]]) for line in (source, target)
    )
    previous = torch.cat([told[:, -1:], told[:, :-1]], dim=1)
    with torch.no_grad():
        logits, _ = model(encoded, torch.tensor([encoded.shape[1]]), previous)
    return logits.log_softmax(-1).gather(-1, told[..., None])[0, :, 0].numpy()


def test_the_ctranslate2_model_gives_the_masked_models_probabilities(exported, full):
    model, dictionary, sources, targets = full
    translator = ctranslate2.Translator(str(exported / "ctranslate2"))
    for scored, source, target in zip(translator.score_batch(sources, targets), sources, targets, strict=True):
        np.testing.assert_allclose(
            scored.log_probs, log_probabilities(model, dictionary, source, target), rtol=1e-4, atol=1e-4
        )


def test_the_fairseq_checkpoint_gives_the_masked_models_probabilities_and_is_smaller(exported, full):
    from fairseq.checkpoint_utils import load_model_ensemble_and_task

    model, dictionary, sources, targets = full
    (small,), _, task = load_model_ensemble_and_task(
        [str(exported / "fairseq/checkpoint.pt")], arg_overrides={"data": str(exported / "fairseq")}
    )
    small.eval()
    assert task.source_dictionary.symbols == dictionary.symbols
    assert small.encoder.layers[0].fc1.weight.shape[0] < 48
    for source, target in zip(sources, targets, strict=True):
        np.testing.assert_allclose(
            log_probabilities(small, dictionary, source, target),
            log_probabilities(model, dictionary, source, target),
            rtol=1e-4,
            atol=1e-4,
        )


def test_stock_fairseq_translates_with_it_as_the_readme_says(exported, full, tiny_run):
    sources = full[2]
    command = (exported / "README.md").read_text(encoding="utf-8").split("```sh\n")[1].split("```")[0]
    program, *words = command.replace("\\\n", " ").split()
    assert program == "python"
    done = subprocess.run(
        [sys.executable, *words, "--cpu"],
        input="".join(" ".join(line[1:]) + "\n" for line in sources[:3]),
        capture_output=True,
        text=True,
        check=False,
        cwd=exported,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert [line.split("\t")[0] for line in done.stdout.splitlines() if line.startswith("H-")] == ["H-0", "H-1", "H-2"]


def test_exporting_again_replaces_the_folder_and_int8_is_smaller(tiny_run, masks, exported, command, tmp_path):
    output = tmp_path / "int8"
    (output / "ctranslate2").mkdir(parents=True)
    (output / "leftover").write_text("old", encoding="utf-8")
    command(*arguments(tiny_run, masks, output, "--compute-type", "int8")).ok()
    sizes = [(folder / "ctranslate2/model.bin").stat().st_size for folder in (output, exported)]
    assert sizes[0] < sizes[1]
    assert sorted(path.name for path in output.iterdir()) == [
        "README.md",
        "ctranslate2",
        "fairseq",
        "sentencepiece.model",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["int8"]


def test_what_cannot_be_exported_is_refused(tiny_run, masks, command, tmp_path):
    given = ("--data", tiny_run.manifest, "--checkpoint", tiny_run.checkpoint, "--masks", masks[0])
    for pair, message in {"en-xx": "the languages of this run are en, qa", "qa-en": "has no masks for qa-en"}.items():
        refused = command("export", "--system", "drawn", "--pair", pair, *given, "--output", tmp_path / "out")
        assert (refused.code, message in refused.err) == (2, True), refused.err
    refused = command("export", "--system", "nothing", "--pair", PAIR, "--run", "no-such-run")
    assert refused.code == 2
    assert "has no system nothing" in refused.err
    assert not (tmp_path / "out").exists()
