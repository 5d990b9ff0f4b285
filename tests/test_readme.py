"""README, "Add your own …": each example is a module and a line, put into a copy of the package and used."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.conftest import ROOT, TRAINING, Result, TinyRun, module_of, write_counts
from tests.test_layout import NEUTRAL
from workflow_scripts.artifacts import read_masks, read_translations

SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Add your own\n")[1].split("\n## ")[0]
BASE = {"run": "test", "languages": {"table": "config/languages/ec30.tsv"}, "systems": {"baseline": {}}}
CHECK = """
import json, sys
from pathlib import Path
from workflow_scripts.configuration import complete
from workflow_scripts.run import Run
root, config = Path(sys.argv[1]), json.loads(sys.argv[2])
Run.from_config(complete(config, root / "config/schema.yaml"), root)
"""


@dataclass(frozen=True)
class Example:
    """A module's path and code, the registry's path and its new line, and a configuration that uses it."""

    path: str
    code: str
    registry: str
    line: str
    config: dict[str, Any]

    @classmethod
    def read(cls, text: str) -> Example:
        (path, registry), (line,) = re.findall(r"`(workflow_scripts/\S+\.py)`", text), re.findall(r'`(".+",)`', text)
        (code,), (config,) = (re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("python", "yaml"))
        return cls(path, code, registry, line, yaml.safe_load(config))


EXAMPLES = {
    title: Example.read(text) for title, text in re.findall(r"### (.+?)\n(.*?)(?=\n### |\Z)", SECTION, re.DOTALL)
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package that has all examples."""
    folder = tmp_path_factory.mktemp("extended")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "workflow_scripts", folder / "workflow_scripts", ignore=ignored)
    for example in EXAMPLES.values():
        (folder / example.path).write_text(example.code, encoding="utf-8")
        path = folder / example.registry
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"\n    \},?\n\)", f"\n        {example.line}\\g<0>", text, count=1), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def called(copy: Path) -> Callable[..., Result]:
    """`called("decode", …)`: a command of the copy, in a process of its own."""

    def call(*arguments: object) -> Result:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=copy
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return lambda step, *arguments: call(*(("-m", module_of(step)) if step != "-c" else ("-c",)), *arguments)


@pytest.fixture(scope="module")
def decoded(called: Callable[..., Result], tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Translations by the engine of the example: the sources, backwards."""
    folder = tmp_path_factory.mktemp("decoded")
    files = ("--data", tiny_run.manifest, "--test-set", tiny_run.test_set, "--checkpoint", tiny_run.checkpoint)
    options = ("--engine", "copy", "--backwards", "true", "--pairs", "en-qa", "--output", folder)
    called("decode", "--system", "baseline", *files, *options).ok()
    return folder


def test_there_is_an_example_of_each():
    assert list(EXAMPLES) == ["A data source", "A criterion", "A metric", "A kind of system", "An engine", "A format"]


@pytest.mark.parametrize("title", EXAMPLES)
def test_it_declares_what_it_imports(title: str):
    tree = ast.parse(EXAMPLES[title].code)
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    own = {name.removeprefix("workflow_scripts.") for name in imported if name.startswith("workflow_scripts.")}
    (code,) = (node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "CODE")
    assert {name for name in own if not NEUTRAL.fullmatch(name)} <= set(ast.literal_eval(code))


@pytest.mark.parametrize("title", EXAMPLES)
def test_its_configuration_is_taken(title: str, called: Callable[..., Result]):
    called("-c", CHECK, ROOT, json.dumps(BASE | EXAMPLES[title].config)).ok()


def test_the_data_source_is_planned_for_and_makes_text(called: Callable[..., Result], copy: Path, tmp_path: Path):
    table = tmp_path / "sentences.tsv"
    rows = ["de\ten\tnl", *(f"Satz {number}\tsentence {number}\tzin {number}" for number in range(20)), "Satz\t\tzin"]
    table.write_text("\n".join(rows), encoding="utf-8")
    languages = {"table": str(ROOT / "config/languages/ec30.tsv"), "codes": ["en", "de", "nl"]}
    config = {"run": "tiny", "languages": languages, "data": {"source": "table", "table": str(table)}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config | {"systems": {"baseline": {}}}), encoding="utf-8")
    for name in ("Snakefile", "rules", "config", "profiles"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
    command = ["--snakefile", copy / "Snakefile", "--configfile", tmp_path / "config.yaml", "--directory", tmp_path]
    snakemake = [sys.executable, "-m", "snakemake", *map(str, command), "--cores", "1"]
    made = [
        f"results/tiny/data/clean/{split}.en-de.{language}" for split in ("train", "valid") for language in ("en", "de")
    ]
    subprocess.run([*snakemake, *made, "results/tiny/data/raw/test.en-nl.nl"], check=True)
    raw = {
        path.name: path.read_text(encoding="utf-8").splitlines() for path in tmp_path.glob("results/tiny/data/raw/*")
    }
    assert raw["test.en-nl.nl"] == ["zin 1", "zin 11"]
    assert raw["valid.en-de.en"] == ["sentence 0", "sentence 10"]
    assert len(raw["train.en-de.de"]) == 16
    table.write_text(table.read_text(encoding="utf-8").replace("Satz 2\t", "Aussage 2\t"), encoding="utf-8")
    said = subprocess.run([*snakemake, "-n", *made], capture_output=True, text=True, check=True).stdout
    assert "make_text" in said
    assert "make_test_text" not in said


def test_the_criterion_selects(called: Callable[..., Result], tmp_path: Path):
    write_counts(tmp_path / "en-de.parquet", {("encoder", 0): np.array([9, 5, 4, 10])}, {"pair": "en-de"})
    output = tmp_path / "busy.parquet"
    options = ("--select", "busy", "--share", 0.5, "--output", output, tmp_path / "en-de.parquet")
    called("masks", "--system", "busy", *options).ok()
    (mask,) = read_masks(output).rows
    assert mask.neurons.tolist() == [0, 1, 3]


def test_the_engine_translates(decoded: Path):
    rows, metadata = read_translations(decoded / "en-qa.parquet")
    assert len(rows) == 12
    assert metadata["engine"] == "copy"
    assert any(row["hypothesis"] != row["source"] for row in rows)


def test_the_metric_scores(called: Callable[..., Result], decoded: Path, tmp_path: Path):
    called("score", decoded, "--pairs", "en-qa", "--metrics", "bleu", "length", "--output", tmp_path).ok()
    scores = {row["name"]: row["score"] for row in json.loads((tmp_path / "en-qa.json").read_text())}
    words = [
        [len(row[side].split()) for side in ("hypothesis", "reference")]
        for row in read_translations(decoded / "en-qa.parquet")[0]
    ]
    wrong = sum(abs(ours - theirs) for ours, theirs in words)
    assert scores["LengthError"] == pytest.approx(100 * wrong / sum(theirs for _, theirs in words))


def test_the_kind_of_system_is_trained_decoded_and_exported(
    called: Callable[..., Result], tiny_run: TinyRun, tmp_path: Path
):
    variant = ("--kind", "gain", "--settings", json.dumps({"gain": True}))
    training = TRAINING | {"max_update": 2, "validate_every": 2, "lr": 0.5, "warmup": 1}
    checkpoint = tmp_path / "checkpoint.pt"
    called(
        "train",
        *("--name", "louder", "--data", tiny_run.manifest, "--pairs", ",".join(tiny_run.directions), *variant),
        *("--training", json.dumps(training), "--start", tiny_run.checkpoint),
        *("--work", tmp_path / "run", "--output", checkpoint),
    ).ok()
    files = ("--data", tiny_run.manifest, "--checkpoint", checkpoint, *variant)
    test_set = ("--test-set", tiny_run.test_set, "--pairs", "en-qa", "--beam", 1, "--max-length", 12)
    texts = {}
    for engine in ("fairseq", "ctranslate2"):
        output = tmp_path / engine
        called("decode", "--system", "louder", *files, *test_set, "--engine", engine, "--output", output).ok()
        texts[engine] = (output / "en-qa.hyp.txt").read_text(encoding="utf-8")
    assert texts["fairseq"] == texts["ctranslate2"]
    for form in ("fairseq", "ctranslate2", "published", "transformers"):
        output = tmp_path / "exported" / form
        called("export", "--system", "louder", *files, "--pair", "en-qa", "--format", form, "--output", output).ok()
        assert (output / "README.md").exists()


def test_the_format_is_written_and_read(called: Callable[..., Result], tiny_run: TinyRun, tmp_path: Path):
    files = ("--data", tiny_run.manifest, "--checkpoint", tiny_run.checkpoint)
    called("export", "--system", "baseline", "--format", "npz", *files, "--output", tmp_path / "out").ok()
    source = {"path": str(tmp_path / "out/npz/model.npz"), "format": "npz"}
    output = tmp_path / "checkpoint.pt"
    options = ("--name", "baseline", "--data", tiny_run.manifest, "--output", output)
    called("given_checkpoint", "--source", json.dumps(source), *options).ok()
    assert output.exists()
