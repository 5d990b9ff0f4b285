"""A large study, and a large text: what every command takes of time and memory.

    python -m tests.reliability.load study --output /tmp/load          # 200 directions × 12 layers × 4,096 neurons
    python -m tests.reliability.load text --lines 1000000 --output /tmp/load

Each command runs in a process of its own; what is printed is its wall time, its CPU time (that of its own processes,
too), and the most memory that one of them held.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.overlap import make as make_masks
from tests.conftest import ROOT
from workflow_scripts.artifacts import STATISTICS, write_activations
from workflow_scripts.neurons.criterion import GRADIENTS

LANGUAGES, LAYERS, FFN_DIM = 100, 6, 4096
"""Besides the pivot; layers of each of encoder and decoder."""
SYSTEMS = ("baseline", "ns", "random")


@dataclass(frozen=True)
class Measured:
    """What a command took; `megabytes` are those of the process that held most."""

    name: str
    wall: float
    cpu: float
    megabytes: float
    code: int

    def __str__(self) -> str:
        ended = f", exit code {self.code}" if self.code else ""
        return f"{self.name}: {self.wall:.1f} s wall, {self.cpu:.1f} s CPU, {self.megabytes:.0f} MiB{ended}"


def measure(name: str, step: str, *options: object) -> Measured:
    """Run a step to its end."""
    command = [sys.executable, "-m", f"workflow_scripts.steps.{step}", *map(str, options)]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall, cpu = time.monotonic() - start, usage.ru_utime + usage.ru_stime
    found = Measured(name, wall, cpu, usage.ru_maxrss / 1024, process.returncode)
    print(f"[load] {found}", flush=True)
    return found


def apart(work: Callable[..., Any], *arguments: Any) -> None:
    """Do some work in a process of its own: what this one holds would count as memory of those that it starts."""
    process = get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{work.__name__} ended with {process.exitcode}")


def directions(languages: int) -> list[str]:
    """Out of English and into it."""
    codes = [f"l{number:03d}" for number in range(languages)]
    return [pair for code in codes for pair in (f"en-{code}", f"{code}-en")]


def make_activations(folder: Path, pairs: list[str], layers: int, ffn_dim: int) -> None:
    """A file for every direction, with all statistics that are recorded without gradients."""
    generator = np.random.default_rng(1)
    names = [name for name in STATISTICS if name not in GRADIENTS]
    places = [(part, layer) for part in ("encoder", "decoder") for layer in range(layers)]
    for pair in pairs:
        values = {}
        for place in places:
            count = generator.integers(0, 30_000, ffn_dim)
            counted = {"count": count, "count_all": count + 5, "count_even": count // 2}
            values[place] = counted | {name: generator.random(ffn_dim) for name in names if name not in counted}
        positions = dict.fromkeys(("encoder", "decoder"), 40000)
        about = {f"counted_positions{kind}": positions for kind in ("", "_all", "_even")}
        write_activations(folder / f"{pair}.parquet", values, {"pair": pair, **about})


def make_scores(results: Path, pairs: list[str]) -> None:
    """Scores and tests of three systems by two metrics, as `score` and `significance` write them."""
    draw = random.Random(1)
    for system in SYSTEMS:
        for pair in pairs:
            scores = [
                {"name": name, "text": "raw", "score": draw.uniform(5, 60), "pair": pair, "lines": 1000}
                | {"signature": "nrefs:1|case:mixed|tok:13a", "length_ratio": draw.uniform(0.8, 1.2)}
                | {"brevity_penalty": 1.0, "unknown_references": []}
                for name in ("BLEU", "chrF2++")
            ]
            _write(results / f"scores/{system}/{pair}.json", scores)
    for system in SYSTEMS[1:]:
        for pair in pairs:
            tests = [_tested(draw, name) for name in ("BLEU", "chrF2++")]
            place = {"against": "baseline", "system": system, "pair": pair}
            _write(results / f"significance/baseline/{system}/{pair}.json", place | {"results": tests})
        means = [
            _tested(draw, name) | {"tier": tier, "type": kind}
            for name in ("BLEU", "chrF2++")
            for tier in ("High", "All")
            for kind in ("O2M", "M2O", "Avg")
        ]
        place = {"against": "baseline", "system": system}
        _write(results / f"significance/baseline/{system}/means.json", place | {"results": means})


def _tested(draw: random.Random, name: str) -> dict[str, Any]:
    score, other = draw.uniform(5, 60), draw.uniform(5, 60)
    found = {"score": score, "against_score": other, "difference": score - other, "p": draw.random()}
    return (
        {"name": name, "text": "raw", "test": "randomization", "samples": 20000, "seed": 1}
        | found
        | dict.fromkeys(("low", "high"))
    )


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def study(folder: Path, languages: int = LANGUAGES, layers: int = LAYERS, ffn_dim: int = FFN_DIM) -> Iterator[Measured]:
    """Masks, overlap, tables, figures and the report of a study of twice as many directions as `languages`."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs, table = directions(languages), folder / "languages.tsv"
    apart(make_masks, folder, languages, layers, ffn_dim)
    apart(make_activations, folder / "activations", pairs, layers, ffn_dim)
    apart(make_scores, folder, pairs)
    files = [folder / f"activations/{pair}.parquet" for pair in pairs]
    drawn, random_ones = folder / "masks/ns.parquet", folder / "masks/random.parquet"
    chosen = ("--select", "cumulative", "--k", 95)
    yield measure("masks, cumulative", "masks", "--system", "ns", *chosen, "--output", drawn, *files)
    like = ("--select", "random", "--like", drawn, "--seed", 1)
    yield measure("masks, random", "masks", "--system", "random", *like, "--output", random_ones, *files)
    shutil.rmtree(folder / "activations")
    tables, overlaps, figures = folder / "tables", folder / "tables/overlap-load", folder / "figures"
    named = ("--languages", table, "--output")
    yield measure("overlap", "overlap", "--masks", folder / "masks.parquet", "--name", "load", *named, overlaps)
    yield measure("figures of masks", "figures_masks", overlaps, "--run", "load", *named, figures)
    rows = json.dumps({"test": dict.fromkeys(SYSTEMS, pairs)})
    tested = json.dumps({"baseline": {"test": dict.fromkeys(SYSTEMS[1:], pairs)}})
    asked = ("--rows", rows, "--tested", tested, "--against", "baseline", "--run", "load")
    yield measure("tables", "tables", "--results", folder, *asked, *named, tables)
    asked = ("--against", "baseline", "--metrics", "BLEU", "chrF++", "--run", "load")
    yield measure("figures of scores", "figures_scores", tables, *asked, *named, figures)
    svg = sorted(figures.glob("*.svg"))
    asked = ("--overlaps", overlaps / "families.csv", "--config", '{"run": "load"}', "--benchmarks", folder / "none")
    page = folder / "report.html"
    yield measure("report", "report", tables, "--figures", *svg, *asked, "--against", "baseline", "--output", page)


WORDS = 40_000
CLEANING = {"punctuation": False, "min_words": 1, "max_words": 256, "max_ratio": 3.0, "held_out": ["valid"]}
PIECES = {
    "size": 8000,
    "character_coverage": 1.0,
    "temperature": 1.0,
    "sample": 10**7,
    "model": None,
    "dictionary": None,
}


def make_text(folder: Path, lines: int) -> None:
    """Two pairs of made-up words, whose frequencies fall as those of a language do; 1,000 lines of validation each."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyzäöüßéèñ"
    sides = [["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(WORDS)] for _ in range(2)]
    weights = np.cumsum(1 / np.arange(1, WORDS + 1)).tolist()
    for (split, count), second in product({"train": lines // 2, "valid": 1000}.items(), ("xx", "yy")):
        names = [folder / f"{split}.en-{second}.{code}" for code in ("en", second)]
        with names[0].open("w", encoding="utf-8") as one, names[1].open("w", encoding="utf-8") as other:
            for _ in range(count):
                places = draw.choices(range(WORDS), cum_weights=weights, k=draw.randint(4, 24))
                for file, words in zip((one, other), sides, strict=True):
                    file.write(" ".join(words[place] for place in places) + ".\n")


def text(folder: Path, lines: int) -> Iterator[Measured]:
    """Every step from raw text of two pairs to a data-bin; `lines` in all."""
    raw, clean, data = folder / "raw", folder / "clean", folder / "data"
    apart(make_text, raw, lines)
    pairs = ("--pairs", "en-xx,en-yy")
    checked = ("--splits", "train,valid", "--output", folder / "checked.json")
    yield measure("check_text", "check_text", "--folder", raw, *pairs, *checked)
    cleaned = ("--settings", json.dumps(CLEANING), "--output", clean)
    for pair in ("en-xx", "en-yy"):
        yield measure(f"clean {pair}", "clean", "--folder", raw, "--pair", pair, *pairs, *cleaned)
    model, dictionary = ("--model", folder / "m.model"), ("--dictionary", folder / "dict.txt")
    learned = ("--folder", clean, *pairs, "--settings", json.dumps(PIECES), *model, *dictionary)
    yield measure("sentencepiece_model", "sentencepiece_model", *learned)
    written = ("--codes", "en,xx,yy", *model, *dictionary, "--max-pieces", 254, "--output", data)
    yield measure("binarize", "binarize", "--folder", clean, *pairs, *written, "--processes", 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["study", "text"])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--languages", type=int, default=LANGUAGES, help="two directions each")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    folder = args.output.resolve()
    found = list(study(folder, args.languages) if args.what == "study" else text(folder, args.lines))
    sys.exit(any(one.code for one in found))


if __name__ == "__main__":
    main()
