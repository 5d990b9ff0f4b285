"""Activation counts against those of the official code, with padding (as it counts) and without."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.golden.conftest import DIRECTIONS
from workflow_scripts.artifacts import read_activations
from workflow_scripts.direction import Direction
from workflow_scripts.fairseq_plugin import datasets, recorder
from workflow_scripts.fairseq_plugin import model as transformer

MAX_TOKENS = 3000
# Another torch rounds a few values around zero to the other side (reference-tiny/README.md, 4).
MOST_OFF = 10
COLUMNS = {"real": "count", "all": "count_all"}


@pytest.fixture(scope="module")
def batches_of(reference):
    """Recorded batches of a direction: `{"batches": [{"ids": …}], "enc_nonpad": …}`."""
    return lambda pair: json.loads((reference / f"batches/{pair}/positions.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def baseline(reference, manifest):
    model, dictionary, _ = transformer.load_model(reference / "checkpoints/baseline.pt", manifest)
    return model, dictionary


def differences(ours, theirs) -> np.ndarray:
    assert ours.keys() == theirs.keys()
    assert all(len(counts) == 512 and counts.dtype == np.int64 for counts in ours.values())
    return np.concatenate([np.abs(ours[layer] - theirs[layer]) for layer in ours])


def test_counts_on_the_recorded_batches_equal_the_official_ones(baseline, manifest, batches_of, recorded_counts):
    model, dictionary = baseline
    off = []
    for positions in ("all", "real"):
        official = recorded_counts(positions)
        for pair in DIRECTIONS:
            dataset = datasets.load_direction(manifest.folders("valid"), "valid", Direction.parse(pair), dictionary)
            batches = [datasets.collate(dataset, batch["ids"]) for batch in batches_of(pair)["batches"]]
            found, _ = recorder.record(model, batches, dictionary.pad())
            counts = {layer: columns[COLUMNS[positions]] for layer, columns in found.items()}
            off.append(differences(counts, official[pair]))
    off = np.concatenate(off)
    assert off.size == 61440
    assert off.max() <= 1
    assert np.count_nonzero(off) <= MOST_OFF


@pytest.mark.parametrize("positions", ["all", "real"])
def test_record_command_makes_the_same_batches_and_counts(
    positions, reference, manifest_path, batches_of, recorded_counts, command, tmp_path
):
    command(
        *("record", "--data", manifest_path, "--checkpoint", reference / "checkpoints/baseline.pt"),
        *("--max-tokens", MAX_TOKENS, "--device", "cpu"),
        *("--pairs", ",".join(DIRECTIONS), "--output", tmp_path),
    ).ok()
    official, off = recorded_counts(positions), []
    for pair in DIRECTIONS:
        recorded, found = batches_of(pair), read_activations(tmp_path / f"{pair}.parquet").counting(positions)
        assert found.pair == pair
        suffix = {"all": "positions", "real": "nonpad"}[positions]
        # With padding this number follows from how the lines are batched: it says that the batches are the same.
        assert found.positions == {
            "encoder": recorded[f"enc_{suffix}"],
            "decoder": recorded[f"dec_{suffix}"],
        }
        off.append(differences(found.counts, official[pair]))
    assert max(map(np.max, off)) <= 1
    assert sum(map(np.count_nonzero, off)) <= MOST_OFF


@pytest.mark.parametrize("pair", DIRECTIONS)
def test_batches_hold_the_recorded_lines(pair, baseline, manifest, batches_of):
    dataset = datasets.load_direction(manifest.folders("valid"), "valid", Direction.parse(pair), baseline[1])
    ours = list(datasets.batches(dataset, MAX_TOKENS, 256))
    recorded = batches_of(pair)
    assert [set(batch) for batch in ours] == [set(batch["ids"]) for batch in recorded["batches"]]
    first, example = datasets.collate(dataset, recorded["batches"][0]["ids"]), recorded["example"]
    rows = zip(
        *(first["net_input"][name].tolist() for name in ("src_tokens", "prev_output_tokens")),
        first["target"].tolist(),
        strict=True,
    )
    assert (example["src_ids"], example["prev"], example["target"]) in rows
