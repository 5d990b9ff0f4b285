"""Translations of the baseline and of the recorded system against fairseq's own, sentence by sentence."""

from __future__ import annotations

import csv
import json
import math

import pytest
import torch
from sacrebleu.metrics import BLEU, CHRF

from tests.golden.conftest import DIRECTIONS
from workflow_scripts.artifacts import read_translations
from workflow_scripts.formats import checkpoint

SYSTEMS = ("baseline", "ns")


@pytest.fixture(scope="module")
def translated(reference, manifest_path, set_path, masks_path, tmp_path_factory):
    """`{system: folder}`: all directions by the decode command; the recorded system comes in through its rule's."""
    from tests.conftest import call

    folder = tmp_path_factory.mktemp("translations")
    ns = folder / "checkpoints/ns.pt"
    source = json.dumps({"path": str(reference / "checkpoints/ns.pt"), "sha256": None})
    call("given_checkpoint", "--source", source, "--name", "ns", "--data", manifest_path, "--output", ns).ok()
    for system, options in {
        "baseline": ["--checkpoint", reference / "checkpoints/baseline.pt"],
        "ns": ["--checkpoint", ns, "--masks", masks_path],
    }.items():
        call(
            *("decode", "--system", system, "--data", manifest_path, "--test-set", set_path, *options),
            *("--max-tokens", 3000, "--device", "cpu", "--pairs", ",".join(DIRECTIONS), "--output", folder / system),
        ).ok()
    return folder


def recorded(reference, system, pair) -> dict[str, dict[int, tuple[str, ...]]]:
    """`{"S" | "T" | "H": {line: columns}}` of a generate-test.txt."""
    lines: dict[str, dict[int, tuple[str, ...]]] = {"S": {}, "T": {}, "H": {}}
    path = reference / f"generate/{system}/{pair}/generate-test.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        name, *columns = line.split("\t")
        kind, dash, number = name.partition("-")
        if dash and kind in lines and number.isdigit():
            lines[kind][int(number)] = tuple(columns)
    return lines


@pytest.mark.parametrize("system", SYSTEMS)
def test_hypotheses_and_scores_of_sentences_are_fairseqs(system, reference, translated):
    same = compared = 0
    for pair in DIRECTIONS:
        official = recorded(reference, system, pair)
        rows, _ = read_translations(translated / system / f"{pair}.parquet")
        assert [row["id"] for row in rows] == list(range(120)) == sorted(official["H"])
        for row in rows:
            score, hypothesis = official["H"][row["id"]]
            tag = f"__{pair.split('-')[0]}__ "
            assert (tag + row["source"], row["reference"]) == (official["S"][row["id"]][0], official["T"][row["id"]][0])
            compared += 1
            if row["hypothesis"] == hypothesis:
                same += 1
                # fairseq prints scores in bits.
                assert row["score"] / math.log(2) == pytest.approx(float(score), rel=1e-4)
    assert compared == 1200
    assert same >= 0.99 * compared


@pytest.mark.parametrize("system", SYSTEMS)
def test_scores_of_directions_are_as_recorded(system, reference, translated):
    with (reference / "generate/scores.csv").open(encoding="utf-8", newline="") as file:
        official = {row["pair"]: row for row in csv.DictReader(file) if row["model"] == system}
    assert list(official) == DIRECTIONS
    for pair in DIRECTIONS:
        rows, _ = read_translations(translated / system / f"{pair}.parquet")
        texts = [row["hypothesis"] for row in rows], [[row["reference"] for row in rows]]
        # A sentence or two in 120 may differ.
        bleu, chrf = BLEU().corpus_score(*texts).score, CHRF(word_order=2).corpus_score(*texts).score
        assert bleu == pytest.approx(float(official[pair]["sacrebleu_2.3.1_bleu_13a"]), abs=0.1)
        assert chrf == pytest.approx(float(official[pair]["sacrebleu_2.3.1_chrfpp"]), abs=0.1)


def test_text_files_hold_the_translations_line_by_line(translated):
    rows, _ = read_translations(translated / "ns/en-ru.parquet")
    for side, column in (("hyp", "hypothesis"), ("ref", "reference"), ("src", "source")):
        text = (translated / f"ns/en-ru.{side}.txt").read_text(encoding="utf-8")
        assert text == "".join(f"{row[column]}\n" for row in rows)


def test_masks_matter(reference, translated):
    """Without its masks the recorded system is another one: the comparison above would notice."""
    different = 0
    for pair in DIRECTIONS:
        other = recorded(reference, "baseline", pair)["H"]
        rows, _ = read_translations(translated / "ns" / f"{pair}.parquet")
        different += sum(row["hypothesis"] != other[row["id"]][1] for row in rows)
    assert different > 0.1 * 1200


def test_published_format_is_read_without_its_stale_copies(reference):
    raw = torch.load(reference / "checkpoints/ns.pt", weights_only=True)["model"]
    state = checkpoint.read_checkpoint(reference / "checkpoints/ns.pt").state
    assert any(name.endswith("global_weight") for name in raw)
    assert not any("global_weight" in name for name in state)
    for layer in range(3):
        prefix = f"encoder.layers.{layer}."
        for name in ("fc1", "fc2"):
            assert torch.equal(state[f"{prefix}{name}.weight"], raw[f"{prefix}{name}.global_weight"])
            # The copy is another tensor, so taking it by mistake would show.
            assert not torch.equal(raw[f"{prefix}{name}.global_weight"], raw[f"{prefix}{name}_weight"])
            assert f"{prefix}{name}_weight" not in state
        assert f"{prefix}in_proj_weight" not in state
        for side in "qkv":
            name = f"{prefix}self_attn.{side}_proj"
            assert torch.equal(state[f"{name}.weight"], raw[f"{name}.global_weight"])
    assert torch.equal(state["decoder.output_projection.weight"], raw["decoder.embed_tokens.weight"])


def test_given_checkpoint_has_plain_names_and_the_same_weights(reference, translated):
    raw = torch.load(translated / "checkpoints/ns.pt", weights_only=True)["model"]
    state = checkpoint.read_checkpoint(reference / "checkpoints/ns.pt").state
    assert not any("global_weight" in name or name.endswith("fc1_weight") for name in raw)
    # fairseq's own counters are no weights.
    weights = {name for name in state if not name.endswith(("version", "_float_tensor"))}
    assert weights <= raw.keys()
    assert all(torch.equal(raw[name], state[name]) for name in weights)
