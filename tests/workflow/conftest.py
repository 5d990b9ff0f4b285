"""Snakemake on the project's Snakefile, in a folder of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

# Every stage and kind of system that is trained or derived, as small as it gets.
SMALL = {
    "run": "small",
    "languages": {"table": "config/languages/synthetic.tsv", "codes": ["en", "qa", "qe"]},
    "data": {
        "source": "synthetic",
        "synthetic": {"train": {"high": 120, "medium": 80}, "valid": 12, "test": 8},
        "sentencepiece": {"size": 150},
    },
    "model": {"layers": 1, "dim": 16, "ffn_dim": 32, "heads": 2},
    "training": {
        "max_tokens": 400,
        "tokens_per_update": 400,
        "max_update": 6,
        "validate_every": 3,
        "lr": 0.005,
        "warmup": 2,
        "patience": 0,
    },
    "systems": {
        "baseline": {},
        "ns": {"masks": {"select": "cumulative", "k": 90}},
        "random": {"masks": {"select": "random", "like": "ns"}},
    },
    "decode": {"beam": 2, "max_length": 12},
    "score": {"significance": {"bootstrap": 20, "randomization": 0}},
    "jobs": {"directions_per_job": 4},
}
DIRECTIONS = ["en-qa", "en-qe", "qa-en", "qe-en"]


@dataclass(frozen=True)
class Flow:
    """A working folder with its configuration."""

    folder: Path

    def configure(self, config: dict) -> Flow:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        return self

    def snakemake(self, *arguments: object, config: Path | None = None) -> tuple[int, str]:
        """Exit code and everything that was said."""
        command = [
            *(sys.executable, "-m", "snakemake", *map(str, arguments), "--snakefile", str(ROOT / "Snakefile")),
            *("--directory", str(self.folder), "--cores", "1"),
            *("--configfile", str(config or self.folder / "config.yaml")),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        return done.returncode, done.stdout + done.stderr

    def run(self, *arguments: object) -> str:
        code, said = self.snakemake(*arguments)
        assert code == 0, said[-4000:]
        return said

    def plan(self, *arguments: object, config: Path | None = None) -> dict[str, int]:
        """How many jobs of each rule would run; the numbers of batches are left off their rules' names."""
        code, said = self.snakemake(*arguments, "--dry-run", config=config)
        assert code == 0, said[-4000:]
        found = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\n\n", said, re.DOTALL)
        jobs: dict[str, int] = {}
        for line in found[1].splitlines() if found else []:
            rule, count = line.split()
            rule = re.sub(r"_\d+$", "", rule)
            jobs[rule] = jobs.get(rule, 0) + int(count)
        return jobs


@pytest.fixture
def flow(tmp_path: Path) -> Callable[[dict], Flow]:
    """`flow(config)` in an empty folder."""
    return lambda config: Flow(tmp_path).configure(config)
