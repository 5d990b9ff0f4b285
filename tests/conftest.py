"""What all tests share: the reference data, commands run as a user runs them, and one tiny data-bin with its model."""

from __future__ import annotations

import os

# Before NumPy and torch are imported, here and in every process a test starts: tests run beside each other.
os.environ["OMP_NUM_THREADS"] = "1"

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.scheduling import pytest_xdist_make_scheduler  # noqa: F401 - a hook of pytest-xdist
from workflow_scripts import errors
from workflow_scripts.artifacts import STATISTICS, write_activations
from workflow_scripts.direction import joined
from workflow_scripts.neurons.criterion import GRADIENTS

# The same examples every time, and as long as they take: a busy machine fails no test.
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True)
hypothesis.settings.load_profile("tests")

ROOT = Path(__file__).resolve().parents[1]
CODES = ["en", "qa", "qe", "xi"]
DIRECTIONS = ["en-qa", "en-qe", "en-xi", "qa-en", "qe-en", "xi-en"]
MODEL = {
    "arch": "transformer",
    "layers": 2,
    "dim": 16,
    "ffn_dim": 48,
    "heads": 2,
    "max_positions": 64,
    "share_embeddings": "decoder",
}
TRAINING = {
    "gpus": 0,
    "nodes": 1,
    "precision": "fp32",
    "max_tokens": 400,
    "tokens_per_update": 800,
    "max_update": 8,
    "patience": 0,
    "validate_every": 4,
    "lr": 0.005,
    "warmup": 4,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "activation_dropout": 0,
    "label_smoothing": 0.1,
    "clip_norm": 0,
    "weight_decay": 0,
    "temperature": 5,
    "seed": 222,
    "workers": 0,
    "keep": "last",
}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data and real text beside the checkout, or what NS_SHARED names."""
    folder = Path(os.environ.get("NS_SHARED", ROOT.parent / "shared")).resolve()
    if not (folder / "reference-tiny").is_dir():
        pytest.skip(f"needs the reference data, which is not in {folder} (NS_SHARED names another folder)")
    return folder


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code and what it said."""

    code: int
    out: str
    err: str

    def ok(self) -> Result:
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self


def module_of(step: str) -> str:
    """The module of a step of the pipeline, or of a tool."""
    room = "steps" if (ROOT / f"workflow_scripts/steps/{step}.py").exists() else "tools"
    return f"workflow_scripts.{room}.{step}"


def call(step: str, *arguments: object) -> Result:
    """Run a command in a process of its own, from the checkout."""
    command = [sys.executable, "-m", module_of(step), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """`command("decode", "--beam", 5, …)`: the command's own main in this process, which spares seconds of imports."""

    def run(step: str, *arguments: object) -> Result:
        module = importlib.import_module(module_of(step))
        monkeypatch.setattr(sys, "argv", [step, *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            errors.run(module.main)
        said = capsys.readouterr()
        return Result(end.value.code or 0, said.out, said.err)

    return run


@dataclass(frozen=True)
class TinyRun:
    """Four languages, six directions, a few hundred lines, and a baseline after eight updates."""

    folder: Path
    manifest: Path
    test_set: Path
    checkpoint: Path
    directions: list[str]

    def train(self, work: Path, *arguments: object, name: str = "ns", **training: object) -> Result:
        """Go on from the baseline with the settings that differ from `TRAINING`; files go to `work`."""
        return call(
            "train",
            *("--name", name, "--data", self.manifest, "--pairs", ",".join(self.directions)),
            *("--training", json.dumps(TRAINING | training), "--work", work / "run"),
            *("--output", work / "checkpoint.pt", *arguments),
        )

    def job(self, folder: Path, *more: str, **training: object) -> dict[str, object]:
        """What a training's process is given to go on from the baseline, as `train` does, below `folder`."""
        from workflow_scripts.corpus.manifest import read_manifest
        from workflow_scripts.fairseq_plugin import arguments

        manifest = read_manifest(self.manifest)
        shards = [str(shard) for shard in manifest.shards]
        words = [
            *arguments.multilingual("neuron_specialization", shards, manifest.languages, self.directions),
            "--arch=transformer",
            *arguments.optimization(TRAINING | training),
            *arguments.sampling(TRAINING),
            *arguments.bookkeeping(str(folder), TRAINING, 1),
            f"--finetune-from-model={self.checkpoint}",
            *more,
        ]
        return {"arguments": words, "start": str(self.checkpoint), "data": str(self.manifest)}


def write_counts(path: Path, counts: Mapping[tuple[str, int], Any], metadata: Mapping[str, Any]) -> None:
    """A file of activations with these counts, [F] by layer, without padding; of other statistics it knows nothing."""
    names = [name for name in STATISTICS if name not in GRADIENTS]
    values = {
        layer: dict.fromkeys(names, 0 * each) | {"count": each, "count_all": each} for layer, each in counts.items()
    }
    write_activations(path, values, dict(metadata))


def synthetic(sizes: Mapping[str, Any]) -> tuple[str, ...]:
    """What `make_text` is told for a synthetic corpus of these sizes, by split."""
    return ("--source", "synthetic", "--splits", ",".join(sizes), "--settings", json.dumps({"synthetic": sizes}))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """Made once, by the pipeline's own commands."""
    folder = tmp_path_factory.mktemp("tiny")
    data, text, clean = folder / "data", folder / "data/raw", folder / "data/clean"
    rows = (ROOT / "config/languages/synthetic.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    table = folder / "languages.tsv"
    table.write_text("".join(row for row in rows if row.split("\t")[0] in ("code", *CODES)), encoding="utf-8")
    pairs = joined(pair for pair in DIRECTIONS if pair.startswith("en-"))
    sizes = {"train": {"high": 200, "medium": 120, "low": 60}, "valid": 20, "test": 12}
    cleaning = {"punctuation": True, "min_words": 1, "max_words": 60, "max_ratio": 3.0, "held_out": ["valid"]}
    joint = {"size": 300, "character_coverage": 1.0, "temperature": 1.0, "sample": 10000}
    call(
        *("make_text", "--languages", table, "--pairs", pairs),
        *synthetic(sizes),
        *("--seed", 5, "--output", text),
    ).ok()
    for pair in pairs.split(","):
        call(
            *("clean", "--folder", text, "--pair", pair, "--pairs", pairs),
            *("--settings", json.dumps(cleaning), "--output", clean),
        ).ok()
    model, dictionary = data / "sentencepiece.model", data / "dict.txt"
    settings = json.dumps(joint | {"model": None, "dictionary": None})
    call(
        *("sentencepiece_model", "--folder", clean, "--pairs", pairs, "--settings", settings),
        *("--model", model, "--dictionary", dictionary),
    ).ok()
    call(
        *("binarize", "--folder", clean, "--pairs", pairs, "--codes", ",".join(CODES), "--model", model),
        *("--dictionary", dictionary, "--max-pieces", 62, "--output", data),
    ).ok()
    call(
        *("test_set", "--name", "test", "--folder", text, "--pairs", pairs, "--data", data / "manifest.json"),
        *("--training", clean, "--settings", json.dumps(cleaning), "--output", data / "tests/test"),
    ).ok()
    manifest, test_set = data / "manifest.json", data / "tests/test/manifest.json"
    made = TinyRun(folder, manifest, test_set, folder / "baseline/checkpoint.pt", DIRECTIONS)
    made.train(folder / "baseline", "--model", json.dumps(MODEL), name="baseline").ok()
    return made
