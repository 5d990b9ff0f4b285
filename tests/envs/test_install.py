"""`pip install .`: built without git, installed into an empty environment, run from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, synthetic
from tests.envs.test_create import UV, create
from workflow_scripts import __version__
from workflow_scripts.__main__ import commands

SOURCES = ("Snakefile", "config", "envs", "profiles", "rules", "workflow_scripts")
WORKFLOW = ("Snakefile", "config", "profiles", "rules")
SHARE = "share/neuron-specialization"
LANGUAGES = """code\tname\tfamily\tscript\ttier
en\tEnglish\tGermanic\tLatin\thigh
qa\tQanic\tQ\tLatin\thigh
"""


def files(*names):
    """All files of the checkout below `names`, without what Python compiled."""
    paths = [path for name in names for path in [ROOT / name, *(ROOT / name).rglob("*")]]
    return {str(path.relative_to(ROOT)) for path in paths if path.is_file() and "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the source distribution, and the wheel made from it; where they are made is no git checkout."""
    if not UV.exists():
        pytest.skip("uv is not beside this Python: make env")
    source, dist = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in files(*SOURCES):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    command = [UV, "build", "--quiet", "--offline", "--no-build-isolation", "--python", sys.executable]
    done = subprocess.run([*command, "--out-dir", dist, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dist


@dataclass(frozen=True)
class Installed:
    """An environment that has the package with all that it asks for, but not its extra."""

    folder: Path

    def call(self, *command, cwd):
        """Run one of its programs; returns what came of it."""
        # Nothing of the checkout must be found by chance.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        program = [self.folder / "bin" / command[0], *map(str, command[1:])]
        return subprocess.run(program, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed") / "venv"
    python = folder / "bin" / "python"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", python]
    needs = folder / "needs.txt"
    needs.write_text("\n".join(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]))
    pins = ["--constraint", ROOT / "envs" / "main.lock.txt"]
    sources = create.pip_sources(Path(sys.executable))
    done = subprocess.run([*install, "-r", needs, *pins, *sources], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the package index does not give what the package needs: {done.stderr.strip()}")
    # What was not asked for is missing now, and refused.
    wheel = next(built.glob("*.whl"))
    done = subprocess.run([*install, "--no-index", wheel], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Installed(folder)


def test_the_wheel_has_every_module_and_the_whole_workflow(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        inside = set(wheel.namelist())
    assert next(built.glob("*.whl")).name == f"neuron_specialization-{__version__}-py3-none-any.whl"
    prefix = f"neuron_specialization-{__version__}"
    assert {name for name in inside if name.startswith("workflow_scripts/")} == files("workflow_scripts")
    shared = {name.partition(f"{SHARE}/")[2] for name in inside if f".data/data/{SHARE}/" in name}
    assert shared == files(*WORKFLOW) | {"envs/overrides.txt"}
    assert {name.partition("/")[0] for name in inside} == {
        "workflow_scripts",
        f"{prefix}.data",
        f"{prefix}.dist-info",
    }


def test_the_command_is_there_with_all_steps_and_tools(installed, tmp_path):
    listed = installed.call("neuron-specialization", "--help", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    for name in commands():
        assert f"\n  {name} " in listed.stdout
    helped = installed.call("neuron-specialization", "decode", "--help", cwd=tmp_path)
    assert helped.returncode == 0, helped.stderr
    assert helped.stdout.startswith("usage: neuron-specialization decode ")
    assert "--beam" in helped.stdout
    version = installed.call("neuron-specialization", "--version", cwd=tmp_path)
    assert version.stdout == f"neuron-specialization {__version__}\n"
    assert installed.call("python", "-c", "import torch", cwd=tmp_path).returncode == 1


def test_steps_run_until_one_needs_the_extra_and_says_what_to_install(installed, tmp_path):
    def step(name, *options):
        return installed.call("neuron-specialization", name, *options, cwd=tmp_path)

    (tmp_path / "languages.tsv").write_text(LANGUAGES)
    made = synthetic({"train": {"high": 80}, "valid": 10, "test": 5})
    cleaning = json.dumps({"punctuation": True, "min_words": 1, "max_words": 60, "max_ratio": 3.0, "held_out": []})
    joint = {"size": 120, "character_coverage": 1.0, "temperature": 1.0, "sample": 1000}
    settings = json.dumps(joint | {"model": None, "dictionary": None})
    vocabulary = ("--model", "joint.model", "--dictionary", "dict.txt")
    languages, clean = ("--languages", "languages.tsv"), ("--folder", "clean", "--pairs", "en-qa")
    for name, *options in (
        ("make_text", *languages, "--pairs", "en-qa", *made, "--seed", 1, "--output", "text"),
        (
            "clean",
            "--folder",
            "text",
            "--pair",
            "en-qa",
            "--pairs",
            "en-qa",
            "--settings",
            cleaning,
            "--output",
            "clean",
        ),
        ("sentencepiece_model", *clean, "--settings", settings, *vocabulary),
    ):
        done = step(name, *options)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    done = step("binarize", *clean, *vocabulary, "--codes", "en,qa", "--max-pieces", 62, "--output", "data")
    assert done.returncode == 2
    overrides = installed.folder.resolve() / SHARE / "envs" / "overrides.txt"
    assert "torch is not installed, and this command needs it" in done.stderr
    assert f"--override {overrides} 'neuron-specialization[training]'" in done.stderr
    assert overrides.is_file()


def test_the_workflow_rides_along_and_runs_from_any_folder(installed, tmp_path):
    where = Path(installed.call("neuron-specialization", "workflow", cwd=tmp_path).stdout.strip())
    assert where == installed.folder.resolve() / SHARE
    arguments = ["--dry-run", "--quiet", "rules", "--snakefile", where / "Snakefile"]
    done = installed.call("snakemake", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "score" in done.stdout + done.stderr
