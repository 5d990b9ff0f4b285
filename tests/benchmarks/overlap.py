"""Time and memory of `overlap` and `figures_masks` at the size of a large study.

    python -m tests.benchmarks.overlap --languages 100 --layers 6 --ffn-dim 4096 --output /tmp/load

Makes masks of both directions of every language in encoder and decoder (a core that all prefer, and a share by family),
runs both commands on them, and prints wall time, CPU time and the most memory of each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from workflow_scripts.artifacts import Mask, write_masks

FAMILIES = 8


def make(folder: Path, languages: int, layers: int, ffn_dim: int) -> None:
    """Write `masks.parquet` and `languages.tsv`."""
    generator = np.random.default_rng(222)
    codes = [f"l{number:03d}" for number in range(languages)]
    lines = ["code\tname\tfamily\tscript\ttier", "en\tEnglish\tE\tLatin\thigh"]
    lines += [f"{code}\t{code}\tfamily {n % FAMILIES}\tLatin\thigh" for n, code in enumerate(codes)]
    (folder / "languages.tsv").write_text("\n".join(lines) + "\n")
    rows = []
    for part in ("encoder", "decoder"):
        for layer in range(layers):
            core, own = generator.normal(size=ffn_dim), generator.normal(size=(FAMILIES, ffn_dim))
            for number, code in enumerate(codes):
                for pair in (f"en-{code}", f"{code}-en"):
                    weight = core + own[number % FAMILIES] + generator.gumbel(size=ffn_dim)
                    kept = np.sort(np.argsort(-weight)[: int(generator.uniform(0.6, 0.9) * ffn_dim)])
                    rows.append(Mask(pair, part, layer, ffn_dim, kept.astype(np.int32), 95.0, 0.95))
    write_masks(folder / "masks.parquet", rows, {"select": "cumulative"})


def measure(step: str, *options: str | Path) -> None:
    """Run a step and print what it took."""
    start = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", f"workflow_scripts.steps.{step}", *map(str, options)], stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall, cpu = time.monotonic() - start, usage.ru_utime + usage.ru_stime
    print(f"{step}: {wall:.1f} s wall, {cpu:.1f} s CPU, {usage.ru_maxrss / 1024:.0f} MiB", flush=True)
    if process.returncode:
        sys.exit(f"{step} ended with {process.returncode}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", type=int, default=100, help="besides the pivot; two directions each")
    parser.add_argument("--layers", type=int, default=6, help="of the encoder, and of the decoder")
    parser.add_argument("--ffn-dim", type=int, default=4096)
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    # In a process of its own: what this one holds would count as memory of those that it starts.
    making = get_context("spawn").Process(target=make, args=(args.output, args.languages, args.layers, args.ffn_dim))
    making.start()
    making.join()
    table, tables = args.output / "languages.tsv", args.output / "overlap-load"
    masks = args.output / "masks.parquet"
    measure("overlap", "--masks", masks, "--name", "load", "--languages", table, "--output", tables)
    measure("figures_masks", tables, "--languages", table, "--run", "load", "--output", args.output / "figures")


if __name__ == "__main__":
    main()
