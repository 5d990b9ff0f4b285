"""A run's system exported for transformers: the card's own lines against the run's translations."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.conftest import DIRECTIONS, call
from workflow_scripts.artifacts import Mask, masks_digest, read_masks, read_translations, write_masks
from workflow_scripts.direction import Direction, joined
from workflow_scripts.tools import export as tool

RUN = "results/tiny"
LONGEST = 30


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory) -> Path:
    """A folder with a run in `results/tiny`: data, baseline, masks of every direction, translations and scores."""
    folder = tmp_path_factory.mktemp("run")
    results = folder / RUN
    results.mkdir(parents=True)
    for name in ("data", "baseline"):
        (results / name).symlink_to(tiny_run.folder / name)
    random = np.random.default_rng(1)
    rows = [
        Mask(pair, component, layer, 48, np.flatnonzero(random.random(48) < 0.6).astype(np.int32), 95, 0.9)
        for pair in DIRECTIONS
        for component in ("encoder", "decoder")
        for layer in range(2)
    ]
    (results / "masks").mkdir()
    write_masks(results / "masks/ns.parquet", rows, {"system": "ns"})
    call(
        *("decode", "--system", "ns", "--data", results / "data/manifest.json", "--device", "cpu"),
        *("--test-set", results / "data/tests/test/manifest.json", "--checkpoint", results / "baseline/checkpoint.pt"),
        *("--masks", results / "masks/ns.parquet", "--pairs", joined(DIRECTIONS), "--max-length", LONGEST),
        *("--output", results / "translations/ns"),
    ).ok()
    for place in ("ns", "ns/further"):
        (results / f"translations/{place}").mkdir(exist_ok=True)
        call(
            *("score", results / "translations/ns", "--pairs", joined(DIRECTIONS)),
            *("--output", results / f"scores/{place}"),
        ).ok()
    return folder


@pytest.fixture(scope="module")
def exported(run):
    """`exported("en-qa")` or `exported()`: the folder of one direction, of the whole model; made once."""

    @functools.cache
    def export(pair: str | None = None) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            options = ["--pair", pair] if pair else []
            patch.chdir(run)
            patch.setattr(
                sys, "argv", ["export", "--run", "tiny", "--system", "ns", "--format", "transformers", *options]
            )
            tool.main()
        return run / RUN / "export/ns/transformers" / (pair or "all")

    return export


def lines_of(folder: Path) -> str:
    """The card's Python."""
    return (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]


def executed(folder: Path, monkeypatch) -> dict:
    """The names that the card's lines define, run in its folder; `scores` are those of all that is then generated."""
    monkeypatch.chdir(folder)
    names: dict = {"scores": []}
    exec(compile(lines_of(folder), "README.md", "exec"), names)  # noqa: S102 - they are what is tested
    generate = names["model"].generate

    def scored(**settings):
        found = generate(**settings, return_dict_in_generate=True, output_scores=True)
        names["scores"] += found.sequences_scores.tolist()
        return found.sequences

    names["model"].generate = scored
    return names


def sources(run: Path, pair: str) -> list[str]:
    """The prepared source lines of the test set."""
    corpus = Direction.parse(pair).corpus("en")
    path = run / RUN / f"data/tests/test/text/test.{corpus}.{Direction.parse(pair).source}"
    return path.read_text(encoding="utf-8").splitlines()


def assert_same_but_for_ties(run: Path, pair: str, found: list[str], scores: list[float]) -> int:
    """How many translations are the run's own; every other one has the same score."""
    rows = read_translations(run / RUN / f"translations/ns/{pair}.parquet")[0]
    assert len(rows) == len(found) == len(scores) > 0
    np.testing.assert_allclose(scores, [row["score"] for row in rows], atol=1e-4)
    return sum(row["hypothesis"] == text for row, text in zip(rows, found, strict=True))


def test_one_directions_card_translates_as_the_run_did(run, exported, monkeypatch):
    pair = "en-qa"
    names = executed(exported(pair), monkeypatch)
    found = names["translate"](sources(run, pair))
    assert assert_same_but_for_ties(run, pair, found, names["scores"]) >= 0.99 * len(found)


def test_the_whole_models_card_translates_every_direction_as_the_run_did(run, exported, monkeypatch):
    names = executed(exported(), monkeypatch)
    same = total = 0
    for pair in DIRECTIONS:
        names["scores"].clear()
        found = names["translate"](sources(run, pair), *Direction.parse(pair).languages)
        same += assert_same_but_for_ties(run, pair, found, names["scores"])
        total += len(found)
    assert same >= 0.99 * total
    with pytest.raises(AssertionError, match="no neuron sets for qa-qe"):
        names["translate"](["a"], "qa", "qe")


def test_the_ranking_matters(run, exported, monkeypatch):
    """Without the card's processor `generate` counts the tag as certain."""
    pair = "en-qa"
    names = executed(exported(pair), monkeypatch)
    batch = names["tokenizer"](sources(run, pair), return_tensors="pt", padding=True)
    names["model"].generate(**batch)
    rows = read_translations(run / RUN / f"translations/ns/{pair}.parquet")[0]
    assert min(found - row["score"] for found, row in zip(names["scores"], rows, strict=True)) > 0.01


def test_the_versions_that_would_be_silently_wrong_are_refused_by_the_card(exported, monkeypatch):
    folder = exported("en-qa")
    assert json.loads((folder / "config.json").read_text())["tie_word_embeddings"] is False
    monkeypatch.chdir(folder)
    lines = lines_of(folder)
    older = lines.replace("transformers.__version__", "'4.57.6'")
    assert older != lines
    with pytest.raises(SystemExit, match="wrong for this model: use 5"):
        exec(compile(older, "README.md", "exec"), {})  # noqa: S102


def test_the_card_tells_scores_data_licence_and_search(run, exported):
    folder = exported("en-qa")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: translation\nlicense: other\n")
    for test_set in ("test", "further"):
        (bleu,) = (
            score for score in json.loads((run / RUN / "scores/ns/en-qa.json").read_text()) if score["name"] == "BLEU"
        )
        assert f"| {test_set} | en-qa | BLEU | {bleu['score']:.1f} | `{bleu['signature']}` |" in card
    assert "qa-en |" not in card
    manifest = json.loads((run / RUN / "data/manifest.json").read_text())
    assert f"en-qa,en-qe,en-xi, fingerprint `{manifest['fingerprint']}`" in card
    assert "Not stated: the terms of the training data decide it" in card
    assert json.loads((folder / "generation_config.json").read_text())["max_length"] == LONGEST + 2
    assert max(map(len, card.split("## Scores")[0].splitlines())) <= 120
    assert card.count("\n\n\n\n") == 0


def test_neuron_sets_are_a_bit_each(run, exported):
    folder = exported()
    masks = read_masks(run / RUN / "masks/ns.parquet")
    sets = load_file(folder / "neuron_sets.safetensors")
    assert len(sets) == len(masks.rows) == 24
    for row in masks.rows:
        bits = sets[f"{row.pair}.{row.component}.{row.layer}"]
        assert bits.nbytes == 6
        np.testing.assert_array_equal(np.flatnonzero(np.unpackbits(bits)), row.neurons)
    assert json.loads((folder / "config.json").read_text())["neuron_specialization"]["masks"] == masks_digest(
        masks.rows
    )
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {(folder / "README.md").stat().st_mode & 0o777}


def test_a_dense_system_has_no_sets(run, exported, command, monkeypatch):
    monkeypatch.chdir(run)
    arguments = (
        "export",
        "--run",
        "tiny",
        "--system",
        "baseline",
        "--format",
        "transformers",
        "--license",
        "cc-by-4.0",
    )
    command(*arguments).ok()
    folder = run / RUN / "export/baseline/transformers/all"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "neuron_sets" not in card
    assert "license: cc-by-4.0\n" in card
    assert "None are known" in card
    assert not (folder / "neuron_sets.safetensors").exists()
    names = executed(folder, monkeypatch)
    assert len(names["translate"](sources(run, "qa-en"), "qa", "en")) == 12


def test_what_cannot_be_exported_is_refused(run, tiny_run, command, monkeypatch, tmp_path):
    monkeypatch.chdir(run)
    refused = command("export", "--run", "tiny", "--system", "ns")
    assert (refused.code, "--pair is needed" in refused.err) == (2, True)
    content = json.loads(tiny_run.manifest.read_text(encoding="utf-8"))
    content |= {"sentencepiece": None, "shards": [str(tiny_run.folder / "data" / one) for one in content["shards"]]}
    content |= {"dictionary": str(tiny_run.folder / "data" / content["dictionary"])}
    (tmp_path / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    given = ("--format", "transformers", "--data", tmp_path / "manifest.json", "--output", tmp_path / "out")
    refused = command("export", "--run", "tiny", "--system", "ns", "--pair", "en-qa", *given)
    assert (refused.code, "no tokenizer can be written" in refused.err) == (2, True), refused.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["ctranslate2", "fairseq"])
def test_one_format_alone(kind, run, command, monkeypatch, tmp_path):
    monkeypatch.chdir(run)
    arguments = ("export", "--run", "tiny", "--system", "ns", "--pair", "en-qa", "--output", tmp_path / "one")
    command(*arguments, "--format", kind).ok()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["README.md", kind, "sentencepiece.model"]
    card = (tmp_path / "one/README.md").read_text(encoding="utf-8")
    assert ("ctranslate2.Translator" in card, "interactive" in card) == (kind == "ctranslate2", kind == "fairseq")
