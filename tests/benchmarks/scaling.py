"""Masks at the paper's size, and what each stage costs for 2 to 60 directions."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from torch import nn

from tests.benchmarks import machine, models
from workflow_scripts.artifacts import Masks, read_masks, write_masks
from workflow_scripts.engines.ctranslate2_beam import Session
from workflow_scripts.engines.ctranslate2_options import Options
from workflow_scripts.fairseq_plugin.datasets import batches, collate, pieces
from workflow_scripts.fairseq_plugin.recorder import record
from workflow_scripts.formats.fairseq_settings import architecture_of
from workflow_scripts.formats.folded import Kept
from workflow_scripts.layers.specialized_ffn import DirectionMasks

ROOT = Path(__file__).resolve().parents[2]
COUNTS = (2, 10, 30, 60)


class Shell(nn.Module):
    """A model of the paper's layers and widths without the paper's weights."""

    def __init__(self, layers: int, ffn_dim: int) -> None:
        super().__init__()
        for component in ("encoder", "decoder"):
            part = nn.Module()
            part.layers = nn.ModuleList(nn.Module() for _ in range(layers))
            for layer in part.layers:
                layer.fc1, layer.fc2 = nn.Linear(1, ffn_dim), nn.Linear(ffn_dim, 1)
                layer.activation_fn = nn.ReLU()
            self.add_module(component, part)


def masks(directions: int, layers: int = 6, ffn_dim: int = 4096, dim: int = 1024) -> dict[str, float]:
    """Megabytes on disk and in memory, and seconds to load, for the paper's model; the published matrices beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ns.parquet"
        write_masks(path, models.masks([f"en-{number}" for number in range(directions)], layers, ffn_dim), {})
        disk = path.stat().st_size / 1e6
        shell, made = Shell(layers, ffn_dim), Namespace()

        def load() -> None:
            made.masks = DirectionMasks(shell, read_masks(path).rows)

        load()
        seconds = machine.in_turn({"load": load}, 3)["load"]
    switch = [lambda pair=pair: made.masks.activate(pair) for pair in ("en-0", "en-1")]
    return {
        "disk": disk,
        "memory": made.masks.nbytes / 1e6,
        "load": seconds,
        "activate": machine.in_turn({"switch": lambda: [task() for task in switch]}, 5)["switch"] / 2,
        "published": directions * 2 * layers * ffn_dim * dim / 1e6,
    }


def scaling() -> list[dict[str, float]]:
    """Seconds per stage for growing numbers of directions, with a small model and twenty sentences a direction."""
    size = models.SIZES["small"]
    model, symbols = models.transformer(size), models.dictionary(size)
    text = models.dataset(size, 20, seed=9)
    return [_row(count, model, symbols, text) for count in COUNTS]


def _row(count: int, model: nn.Module, symbols: object, text: object) -> dict[str, float]:
    size = models.SIZES["small"]
    pairs = [f"en-{number}" for number in range(count)]
    kept = Masks(models.masks(pairs, size.layers, size.ffn_dim), {}).kept()
    return {
        "directions": count,
        "record": machine.seconds(lambda: [_record(model, text) for _ in pairs]),
        "masks": machine.seconds(lambda: masks(count)),
        "decode": machine.seconds(lambda: _decode(model, symbols, text, kept)),
        "DAG": machine.seconds(lambda: _dag(count)),
    }


def _record(model: nn.Module, text: object) -> None:
    record(model, (collate(text, batch) for batch in batches(text, 2000, 256)), 1)


def _decode(model: nn.Module, symbols: object, text: object, kept: dict[str, Kept]) -> None:
    architecture = architecture_of(models.options(models.SIZES["small"]))
    session = Session(dict(model.state_dict()), architecture, symbols.symbols, Options(max_length=16))
    sources = pieces(text, "src", symbols)
    for neurons in kept.values():
        session.translate(sources, "__en__", "__de__", neurons)


def _dag(directions: int) -> None:
    """`snakemake -n` for the paper's run over so many of its directions."""
    table = (ROOT / "config/languages/ec30.tsv").read_text(encoding="utf-8").splitlines()[1:]
    codes = [line.split("\t")[0] for line in table if not line.startswith("en\t")]
    pairs = [f"{a}-{b}" for code in codes for a, b in (("en", code), (code, "en"))][:directions]
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "--configfile", "config/ec30.yaml"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [*command, "--nolock", "--directory", folder, "--config", f"pairs={','.join(pairs)}"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
