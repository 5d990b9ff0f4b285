"""Recorded outputs of the official code on small real data (see reference-tiny/README.md in the shared folder)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.conftest import call
from workflow_scripts.artifacts import Mask, write_masks
from workflow_scripts.corpus.manifest import Manifest, read_manifest

LANGUAGES = ["en", "nl", "af", "es", "pt", "ru"]
DIRECTIONS = [f"en-{code}" for code in LANGUAGES[1:]] + [f"{code}-en" for code in LANGUAGES[1:]]
PAIRS = ",".join(pair for pair in DIRECTIONS if pair.startswith("en-"))
Layers = dict[tuple[str, int], np.ndarray]


@pytest.fixture(scope="session")
def reference(shared: Path) -> Path:
    """The folder of recorded outputs."""
    return shared / "reference-tiny"


@pytest.fixture(scope="session")
def manifest_path(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded data-bin, linked as a user's ready data-bin is."""
    path = tmp_path_factory.mktemp("reference") / "manifest.json"
    call(
        *("link_databin", "--folder", reference / "data-bin", "--pairs", PAIRS, "--codes", ",".join(LANGUAGES)),
        *("--tokenization", "none", "--output", path),
    ).ok()
    return path


@pytest.fixture(scope="session")
def set_path(manifest_path: Path) -> Path:
    """The test set of the recorded data-bin."""
    folder = manifest_path.parent / "tests/test"
    call(
        *("test_set", "--name", "test", "--pairs", PAIRS, "--data", manifest_path, "--output", folder),
    ).ok()
    return folder / "manifest.json"


@pytest.fixture(scope="session")
def manifest(manifest_path: Path) -> Manifest:
    return read_manifest(manifest_path)


@pytest.fixture(scope="session")
def recorded_counts(reference: Path) -> Callable[[str], dict[str, Layers]]:
    """`recorded_counts("all" | "real")` is `{pair: {(component, layer): counts [F]}}`."""

    def read(positions: str) -> dict[str, Layers]:
        name = {"all": "counts.parquet", "real": "counts_nopad.parquet"}[positions]
        frame = pq.read_table(reference / name).to_pandas().sort_values("neuron")
        counts: dict[str, Layers] = {}
        for (pair, component, layer), rows in frame.groupby(["pair", "component", "layer"], observed=True):
            counts.setdefault(str(pair), {})[str(component), int(layer)] = rows["count"].to_numpy(np.int64)
        return counts

    return read


@pytest.fixture(scope="session")
def recorded_masks(reference: Path) -> Callable[[str], dict[str, Layers]]:
    """`recorded_masks("k95" | "k80" | "kmix")` is `{pair: {(component, layer): kept neurons}}`."""

    def read(name: str) -> dict[str, Layers]:
        content = json.loads((reference / f"masks_{name}.json").read_text(encoding="utf-8"))
        return {
            pair: {
                (key.split(".")[0], int(key.split(".")[1])): np.array(kept, dtype=np.int32)
                for key, kept in layers.items()
            }
            for pair, layers in content.items()
        }

    return read


@pytest.fixture(scope="session")
def masks_path(recorded_masks: Callable[[str], dict[str, Layers]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The masks (k = 95) the recorded system was trained under, as a file of this project."""
    path = tmp_path_factory.mktemp("masks") / "ns.parquet"
    rows = [
        Mask(pair, component, layer, 512, kept, 95.0, 0.95)
        for pair, layers in recorded_masks("k95").items()
        for (component, layer), kept in layers.items()
    ]
    write_masks(path, rows, {"select": "recorded"})
    return path
