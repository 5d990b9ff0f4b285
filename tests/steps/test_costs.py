"""What every system costs: counted by hand, and as people read it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import torch

from tests.test_configuration import run_of
from workflow_scripts.formats.peek import PROVENANCE
from workflow_scripts.scoring import costs

CURVE = "update,split,loss,seconds\n5,train,3,{}\n10,train,2,1.5\n10,valid,2,0.5\n"


def checkpoint(path: Path, model: dict[str, torch.Tensor], **carried: object) -> str:
    torch.save({"model": model, PROVENANCE: {"updates": 10, **carried}, "cfg": {"model": {}}}, path)
    return str(path)


def test_parameters_updates_time_and_bytes_of_each_system(tmp_path, command):
    table = torch.zeros(7, 4)
    base = {"encoder.embed_tokens.weight": table, "decoder.embed_tokens.weight": table, "fc1.bias": torch.zeros(5)}
    base["encoder.version"] = torch.zeros(1)
    # Two owners in the encoder, three in the decoder: a direction has one on each side.
    own = {f"own.source:{code}.encoder_0_fc1.bias": torch.zeros(6) for code in "ab"}
    own |= {f"own.target:{code}.decoder_0_fc2.up": torch.zeros(2, 4) for code in "abc"}
    for name, seconds in (("known", "2"), ("unknown", "")):
        (tmp_path / f"{name}.csv").write_text(CURVE.format(seconds))
    (tmp_path / "masks.parquet").write_bytes(b"x" * 100)
    curve, masks = str(tmp_path / "known.csv"), str(tmp_path / "masks.parquet")
    rest = {"engine": "fairseq", "masks": []}
    made = checkpoint(tmp_path / "own.pt", own, base={"path": "whole.pt", "identity": "x"})
    systems = {
        "baseline": {"kind": "given", "checkpoint": checkpoint(tmp_path / "whole.pt", base), "curve": curve, **rest},
        "frozen": {"kind": "lora", "checkpoint": made, "curve": curve, **rest},
        "trained": {
            "kind": "lora",
            "checkpoint": checkpoint(tmp_path / "both.pt", base | own),
            "curve": str(tmp_path / "unknown.csv"),
            **rest,
        },
        "causal": {"kind": "masks", "checkpoint": None, "curve": None, **rest, "masks": [masks]},
        "given": {"kind": "given", "checkpoint": checkpoint(tmp_path / "given.pt", base), "curve": None, **rest},
    }
    output = tmp_path / "costs.csv"
    command("costs", "--systems", json.dumps(systems), "--output", output).ok()
    with output.open(newline="") as file:
        rows = {row["system"]: row for row in csv.DictReader(file)}
    keys = ("trained_parameters", "parameters_per_direction", "updates", "seconds")
    assert {name: [row[key] for key in keys] for name, row in rows.items()} == {
        "baseline": ["33", "0", "10", "4.0"],
        "frozen": ["36", "14", "10", "4.0"],
        "trained": ["69", "14", "10", ""],
        "causal": ["0", "0", "0", "0"],
        "given": ["", "0", "", ""],
    }
    assert rows["causal"]["bytes"] == "100"
    assert int(rows["frozen"]["bytes"]) == (tmp_path / "own.pt").stat().st_size
    shown = costs.cells(pd.read_csv(output))
    assert shown[2] == [
        "trained",
        "lora",
        "69",
        "14",
        "10",
        "–",
        f"{int(rows['trained']['bytes']) / 1e3:.1f} kB",
        "fairseq",
    ]
    assert "\n| frozen   | lora  |      36 |             14 |      10 |" in costs.markdown(pd.read_csv(output))


def test_what_is_no_checkpoint_is_refused(tmp_path, command):
    (tmp_path / "x.pt").write_bytes(b"x")
    system = {"kind": "given", "engine": "fairseq", "masks": [], "checkpoint": str(tmp_path / "x.pt"), "curve": None}
    refused = command("costs", "--systems", json.dumps({"x": system}), "--output", tmp_path / "costs.csv")
    assert (refused.code, "x.pt is no checkpoint of a run" in refused.err) == (2, True)


def test_sizes_are_told_in_words():
    assert [costs._size(number) for number in (500, 2_340_000, 7.1e9)] == ["0.5 kB", "2.34 MB", "7.10 GB"]


def test_what_there_is_of_each_system():
    systems = {
        "baseline": {},
        "ns": {"masks": {"select": "cumulative", "k": 95}},
        "causal": {"masks": {"select": "cumulative", "k": 95}, "training": {"max_update": 0}},
        "adapters": {"adapters": {}},
        "given": {"checkpoint": {"path": "x.pt"}},
    }
    run = run_of(systems=systems, decode__engine="ctranslate2", decode__fallback="fairseq")
    found = {name: run.outputs.costs_of(name) for name in systems}
    assert [one["engine"] for one in found.values()] == [*["ctranslate2"] * 3, "fairseq", "ctranslate2"]
    assert [one["checkpoint"] is None for one in found.values()] == [False, False, True, False, False]
    assert [one["curve"] is None for one in found.values()] == [False, False, True, False, True]
    assert found["causal"]["masks"] == ["results/test/masks/causal.parquet"]
    given = run_of(systems=systems, baseline__checkpoint={"path": "b.pt"})
    assert given.outputs.costs_of("baseline")["curve"] is None
