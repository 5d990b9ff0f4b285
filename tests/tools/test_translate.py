"""Text through the systems of a run, as a user would: the run's own translations, and every way it can go wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import CODES, DIRECTIONS, MODEL, ROOT
from workflow_scripts.artifacts import Mask, read_translations, write_masks
from workflow_scripts.batch import FORMAT
from workflow_scripts.configuration import complete
from workflow_scripts.files import write_json

SEARCH = {"engine": "ctranslate2", "beam": 3, "max_length": 63}
LONGEST = 62
TOOL = [sys.executable, "-m", "workflow_scripts.tools.translate"]


@pytest.fixture(scope="module")
def folder(tiny_run, tmp_path_factory) -> Path:
    """A working folder with the run `tiny`, two systems of which have been decoded."""
    from tests.conftest import call

    working = tmp_path_factory.mktemp("working")
    results = working / "results/tiny"
    shutil.copytree(tiny_run.folder / "data", results / "data")
    # Long enough that its translations are no matter of rounding.
    enough = {"max_update": 150, "validate_every": 150}
    tiny_run.train(results / "baseline", "--model", json.dumps(MODEL), name="baseline", **enough).ok()
    random = np.random.default_rng(1)
    masks = [
        Mask(pair, component, layer, 48, np.flatnonzero(random.random(48) < 0.5).astype(np.int32), None, 0.9)
        for pair in DIRECTIONS
        for component in ("encoder", "decoder")
        for layer in range(2)
    ]
    write_masks(results / "masks/ns.parquet", masks, {"system": "ns"})
    (results / "systems/ns").mkdir(parents=True)
    shutil.copyfile(results / "baseline/checkpoint.pt", results / "systems/ns/checkpoint.pt")
    systems = {
        "baseline": {},
        "ns": {"masks": {"select": "cumulative", "k": 95}},
        "dense": {"continue": True},
        "theirs": {"translations": "x"},
    }
    config = complete(
        {"run": "tiny", "languages": {"table": "", "codes": CODES}, "decode": SEARCH, "systems": systems},
        ROOT / "config/schema.yaml",
    )
    write_json(results / "configuration.json", {"format": FORMAT, "configuration": config})
    for system, more in {"baseline": (), "ns": ("--masks", results / "masks/ns.parquet")}.items():
        checkpoint = results / ("baseline" if system == "baseline" else "systems/ns") / "checkpoint.pt"
        call(
            *("decode", "--system", system, "--data", results / "data/manifest.json", "--checkpoint", checkpoint),
            *("--test-set", results / "data/tests/test/manifest.json", "--pairs", "en-qa,qe-en", *more),
            *("--engine", "ctranslate2", "--beam", 3, "--max-length", 63),
            *("--output", results / "translations" / system),
        ).ok()
    return working


@pytest.fixture
def translate(folder, monkeypatch, command):
    """`translate("--system", "ns", …)` in the working folder."""
    monkeypatch.chdir(folder)

    def run(*arguments: object, pair: str = "en-qa"):
        return command("translate", "--run", "tiny", "--pair", pair, *arguments)

    return run


def text(folder: Path, system: str, pair: str, side: str) -> Path:
    return folder / f"results/tiny/translations/{system}/{pair}.{side}.txt"


def started(folder: Path, *arguments: object, **pipes) -> subprocess.Popen:
    """The command in a process of its own."""
    words = ["--run", "tiny", "--system", "baseline", "--pair", "en-qa", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Started from a shell that ignores Ctrl-C (`nohup … &`), as tests may be, it would ignore it too.
    pipes |= {"stderr": subprocess.PIPE, "preexec_fn": hear_ctrl_c}
    return subprocess.Popen([*TOOL, *words], cwd=folder, env=environment, **pipes)


def hear_ctrl_c() -> None:
    """In a process about to start: Ctrl-C does what it does by default."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("system", ["baseline", "ns"])
@pytest.mark.parametrize("pair", ["en-qa", "qe-en"])
def test_the_runs_own_translations_come_out(folder, translate, system, pair):
    found = translate("--system", system, text(folder, system, pair, "src"), pair=pair).ok()
    assert found.out == text(folder, system, pair, "hyp").read_text(encoding="utf-8")
    assert found.err == ""


def test_systems_stand_side_by_side_with_scores(folder, translate):
    source = text(folder, "ns", "en-qa", "src")
    objects = [
        json.loads(line)
        for line in translate("--systems", "baseline,ns", "--format", "jsonl", source).ok().out.splitlines()
    ]
    rows = [line.split("\t") for line in translate("--systems", "baseline,ns", source).ok().out.splitlines()]
    assert rows[0] == ["line", "rank", "source", "baseline", "baseline.score", "ns", "ns.score"]
    for system, column in {"baseline": 3, "ns": 5}.items():
        expected, _ = read_translations(text(folder, system, "en-qa", "hyp").with_name("en-qa.parquet"))
        for number, (one, row, own) in enumerate(zip(objects, rows[1:], expected, strict=True), start=1):
            (best,) = one["translations"][system]
            assert (one["line"], row[0], row[1]) == (number, str(number), "1")
            assert one["source"] == row[2] == own["source"]
            assert best["text"] == row[column] == own["hypothesis"]
            assert best["score"] == pytest.approx(own["score"], abs=1e-4)
            assert float(row[column + 1]) == pytest.approx(own["score"], abs=2e-4)


def test_n_best_begins_with_the_best(folder, translate, tmp_path):
    lines = text(folder, "ns", "en-qa", "src").read_text(encoding="utf-8").splitlines()[:3]
    source = tmp_path / "three"
    source.write_text("\n".join([lines[0], "", *lines[1:]]), encoding="utf-8")
    rows = [line.split("\t") for line in translate("--system", "ns", "--nbest", 3, source).ok().out.splitlines()[1:]]
    assert [row[:2] for row in rows if row[0] == "2"] == [["2", "1"]]
    assert [row[3:] for row in rows if row[0] == "2"] == [["", ""]]
    best = text(folder, "ns", "en-qa", "hyp").read_text(encoding="utf-8").splitlines()[:3]
    assert [row[3] for row in rows if row[1] == "1"] == [best[0], "", *best[1:]]
    scores = [float(row[4]) for row in rows if row[0] == "1"]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) > 1
    wider = translate("--system", "ns", "--nbest", 4, source).ok()
    assert "a beam of 4, not of the run's 3" in wider.err


def test_blank_lines_stay_and_text_is_treated_as_the_runs(folder, translate, tmp_path):
    line = text(folder, "baseline", "en-qa", "src").read_text(encoding="utf-8").splitlines()[0]
    plain, odd, empty = (tmp_path / name for name in ("plain", "odd", "empty"))
    plain.write_text(f"{line}\n\n{line}\n", encoding="utf-8")
    odd.write_text(f"  {line.replace(' ', '  ')}\u200b\r\n \u200b\t\n{line}", encoding="utf-8")
    empty.write_text("", encoding="utf-8")
    best = text(folder, "baseline", "en-qa", "hyp").read_text(encoding="utf-8").splitlines()[0]
    for path in (plain, odd):
        assert translate("--system", "baseline", path).ok().out == f"{best}\n\n{best}\n"
    assert translate("--system", "baseline", empty, plain).ok().out == f"{best}\n\n{best}\n"
    assert translate("--system", "baseline", empty).ok().out == ""


def test_a_long_line_is_cut_translated_in_parts_and_said(folder, translate, tmp_path):
    sentences = text(folder, "baseline", "en-qa", "src").read_text(encoding="utf-8").splitlines()
    long = " ".join(sentences * 30)
    assert len(long) > 10_000
    path = tmp_path / "long"
    path.write_text(f"{sentences[0]}\n{long}\n{'x' * 400}\n", encoding="utf-8")
    found = translate("--system", "baseline", path).ok()
    first, second, third = found.out.splitlines()
    assert first == text(folder, "baseline", "en-qa", "hyp").read_text(encoding="utf-8").splitlines()[0]
    assert len(second.split()) > 10 * len(first.split())
    assert third
    assert "line 2 has " in found.err
    assert f"{LONGEST} go at once: it goes in " in found.err
    assert "line 3 has" in found.err
    rows = translate("--system", "baseline", "--nbest", 2, path).ok().out.splitlines()[1:]
    assert [row.split("\t")[4] for row in rows if row.startswith("2\t")] == [""]


def test_a_model_is_converted_once_and_again_when_its_weights_change(folder, translate):
    source, cache = text(folder, "ns", "en-qa", "src"), folder / "results/tiny/export/cache/ns/en-qa/int8"
    checkpoint = folder / "results/tiny/systems/ns/checkpoint.pt"

    def converted() -> Path:
        translate("--system", "ns", "--compute-type", "int8", source).ok()
        (path,) = cache.rglob("model.bin")
        return path

    first = converted()
    before = first.stat().st_mtime_ns
    assert converted() == first
    assert first.stat().st_mtime_ns == before
    own = checkpoint.read_bytes()
    try:
        content = torch.load(checkpoint)
        content["model"]["decoder.layer_norm.weight"] *= 2
        torch.save(content, checkpoint)
        assert converted() != first
    finally:
        checkpoint.write_bytes(own)
    assert converted() == first


def test_a_direction_nobody_was_trained_on_is_said(folder, translate):
    found = translate("--system", "baseline", text(folder, "baseline", "qe-en", "src"), pair="qe-qa").ok()
    assert found.out.count("\n") == 12
    assert "no model of run tiny was trained on qe-qa: zero-shot" in found.err


@pytest.mark.parametrize(
    ("arguments", "pair", "message"),
    [
        (("--system", "ns"), "en-zz", "en-zz is not a direction of run tiny; it has en-qa,en-qe,en-xi,qa-en"),
        (
            ("--system", "ns"),
            "qa-qe",
            "system ns: results/tiny/masks/ns.parquet has no masks for qa-qe: make masks that",
        ),
        (("--system", "nope"), "en-qa", "system nope of run tiny does not exist; systems with a model: baseline"),
        (("--systems", "ns,theirs"), "en-qa", "system theirs of run tiny has only existing translations"),
        (("--system", "dense"), "en-qa", "dense/checkpoint.pt does not exist yet; make the run first"),
        (("--system", "ns", "--nbest", "0"), "en-qa", "--nbest: at least 1"),
        (("--systems", "ns,baseline", "--format", "text"), "en-qa", "choose tsv or jsonl"),
        (("--system", "ns", "nowhere.txt"), "en-qa", "nowhere.txt does not exist"),
        (("--system", "ns", "--run", "other"), "en-qa", "there is no run other in"),
        (("--system", "ns", "--run", "../x"), "en-qa", "there are tiny"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(translate, tmp_path, arguments, pair, message):
    (tmp_path / "in").write_text("Hello.\n", encoding="utf-8")
    files = () if "nowhere.txt" in arguments else (tmp_path / "in",)
    refused = translate(*arguments, *files, pair=pair)
    assert (refused.code, refused.out) == (2, "")
    assert message in refused.err
    assert refused.err.count("\n") == 1


def test_an_output_file_is_whole_or_called_part(folder, translate, tmp_path):
    source, output = text(folder, "baseline", "en-qa", "src"), tmp_path / "new/out.txt"
    assert translate("--system", "baseline", source, "--output", output).ok().out == ""
    assert output.read_bytes() == text(folder, "baseline", "en-qa", "hyp").read_bytes()
    broken = tmp_path / "broken"
    broken.write_bytes(source.read_bytes() * 2 + b"\xff\n")
    output.unlink()
    failed = translate("--system", "baseline", source, broken, "--output", output)
    assert failed.code == 2
    assert "broken, line 25: not UTF-8" in failed.err
    assert f"what was translated until then is in {output}.part" in failed.err
    assert not output.exists()


def test_lines_are_answered_as_they_come_and_ctrl_c_ends_quietly(folder):
    line, best = (text(folder, "baseline", "en-qa", side).read_bytes().splitlines()[0] for side in ("src", "hyp"))
    process = started(folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for _ in range(2):
        process.stdin.write(line + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == best + b"\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_ctrl_c_during_the_search_is_heard_at_once(folder, tmp_path):
    source = tmp_path / "many"
    source.write_bytes(text(folder, "baseline", "en-qa", "src").read_bytes() * 20_000)
    output = tmp_path / "out.txt"
    process = started(folder, source, "--output", output)
    part = tmp_path / "out.txt.part"
    deadline = time.monotonic() + 120
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().splitlines() == [f"[translate] what was translated until then is in {part}"]
    written = part.read_bytes().splitlines(keepends=True)
    best = text(folder, "baseline", "en-qa", "hyp").read_bytes().splitlines(keepends=True)
    assert written[:12] == best
    assert written[-1].endswith(b"\n")


def test_a_closed_pipe_ends_quietly(folder, tmp_path):
    source = tmp_path / "many"
    source.write_bytes(text(folder, "baseline", "en-qa", "src").read_bytes() * 20_000)
    process = started(folder, source, stdout=subprocess.PIPE)
    assert process.stdout.readline() == text(folder, "baseline", "en-qa", "hyp").read_bytes().splitlines(True)[0]
    process.stdout.close()
    assert process.wait(timeout=120) == 141
    assert process.stderr.read() == b""


def test_neither_fairseq_nor_torch_is_imported_for_a_converted_model(folder):
    program = (
        "import sys; from workflow_scripts.tools import translate; translate.main(); "
        "print([name for name in ('fairseq', 'torch', 'snakemake') if name in sys.modules], file=sys.stderr)"
    )
    source = text(folder, "ns", "en-qa", "src")
    words = ["--run", "tiny", "--system", "ns", "--pair", "en-qa", str(source)]
    where = {"cwd": folder, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    done = [
        subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True, **where)
        for _ in range(2)
    ]
    assert "fairseq" not in done[0].stderr
    assert done[1].stderr == "[]\n"
