"""The whole pipeline on a tiny corpus, from text to tables; what runs again and what does not; the same every time.

The tests are steps in one folder, in this order.
"""

from __future__ import annotations

import copy
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml

from tests.conftest import ROOT
from tests.workflow.conftest import DIRECTIONS, SMALL, Flow
from workflow_scripts.artifacts import masks_digest, read_activations, read_masks, read_translations
from workflow_scripts.artifacts_files import read_metadata
from workflow_scripts.files import SEAL
from workflow_scripts.formats import checkpoint

SYSTEMS = list(SMALL["systems"])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """A finished run."""
    flow = Flow(tmp_path_factory.mktemp("flow")).configure(SMALL)
    flow.run()
    return flow


@pytest.fixture(scope="module")
def results(done: Flow) -> Path:
    return done.folder / "results/small"


def changed_files(folder: Path, before: dict[Path, int]) -> set[str]:
    return {str(path.relative_to(folder)) for path, time in times(folder).items() if before.get(path) != time}


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_everything_is_there(results):
    for pair in DIRECTIONS:
        counted = read_activations(results / f"activations/{pair}.parquet")
        assert counted.pair == pair
        assert set(counted.counts) == {("encoder", 0), ("decoder", 0)}
        for system in SYSTEMS:
            rows, metadata = read_translations(results / f"translations/{system}/{pair}.parquet")
            assert len(rows) == 8
            assert (metadata["system"], metadata["pair"]) == (system, pair)
            lines = (results / f"translations/{system}/{pair}.hyp.txt").read_text(encoding="utf-8").split("\n")[:-1]
            assert lines == [row["hypothesis"] for row in rows]
            raw = results / "data/raw" / f"test.{'-'.join(sorted(pair.split('-')))}.{pair.split('-')[1]}"
            assert raw.read_text(encoding="utf-8").split("\n")[:-1] == [row["reference"] for row in rows]
            scores = json.loads((results / f"scores/{system}/{pair}.json").read_text(encoding="utf-8"))
            assert {"BLEU", "chrF2++"} & {score["name"] for score in scores}
    with (results / "tables/directions.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert {(row["system"], row["pair"]) for row in table} == {(s, pair) for s in SYSTEMS for pair in DIRECTIONS}
    assert (results / "tables/summary.md").stat().st_size
    assert (results / "report.html").stat().st_size


def test_systems_were_trained_under_their_masks(results):
    for system in ("ns", "random"):
        rows = read_masks(results / f"masks/{system}.parquet").rows
        assert {row.pair for row in rows} == set(DIRECTIONS)
        made = checkpoint.read_checkpoint(results / f"systems/{system}/checkpoint.pt").provenance
        assert made["masks"] == masks_digest(rows)
    like, drawn = (read_masks(results / f"masks/{name}.parquet").rows for name in ("ns", "random"))
    assert [len(row.neurons) for row in like] == [len(row.neurons) for row in drawn]


def test_nothing_is_left_half_written(results):
    assert not [path for path in results.rglob("*") if ".tmp" in path.name]


def test_a_second_run_does_nothing_within_seconds(done, results):
    before, start = times(results), time.monotonic()
    said = done.run()
    assert "Nothing to be done" in said
    assert time.monotonic() - start < 60
    assert times(results) == before


def test_one_deleted_translation_costs_one_direction(done, results):
    before = times(results)
    gone = results / "translations/ns/en-qe.parquet"
    rows = read_translations(gone)[0]
    gone.unlink()
    untouched = {path: path.read_bytes() for path in (results / "translations").rglob("*.parquet")}
    said = done.run("results/small/translations/ns/en-qe.parquet")
    assert "[decode ns] 4/4 directions · en-qe" in said
    assert all(path.read_bytes() == content for path, content in untouched.items())
    assert read_translations(gone)[0] == rows
    # Of the batch, the other directions are only given a new time.
    touched = changed_files(results, before)
    assert touched
    assert all(name.startswith("translations/ns/") for name in touched if name != "digests.jsonl")


def test_the_tables_follow(done):
    """What depends on the one direction's translation is brought up to date, and nothing is trained."""
    jobs = done.plan()
    assert not {"baseline", "record", "masks", "specialize", "binarize"} & set(jobs)
    done.run()
    assert "Nothing to be done" in done.run()


def verified(done: Flow, *arguments: str) -> tuple[int, list[str]]:
    """Exit code of `verify`, and its findings."""
    command = [sys.executable, "-m", "workflow_scripts.tools.verify", "--run", "small", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=done.folder, env=environment)
    return said.returncode, [line for line in said.stdout.splitlines() if not line.startswith("[")]


def test_an_untouched_run_is_as_it_was_made(done):
    code, lines = verified(done)
    assert (code, len(lines)) == (0, 1), lines
    assert lines[0].endswith("all as they were made, from what there is now.")


# A file of every kind that a run has.
KINDS = [
    "configuration.json",
    "configuration.yaml",
    "activations/en-qa.parquet",
    "masks/ns.parquet",
    "translations/ns/en-qe.parquet",
    "translations/ns/en-qa.hyp.txt",
    "translations/ns/en-qa.src.txt",
    "translations/baseline/qe-en.ref.txt",
    "scores/ns/en-qa.json",
    "scores/ns/qa-en.segments.parquet",
    "scores/ns/qa-en.language.json",
    "significance/baseline/ns/en-qa.json",
    "significance/baseline/ns/means.json",
    "ceilings/en-qa.json",
    "tables/summary.csv",
    "tables/summary.md",
    "tables/directions.csv",
    "tables/overlap-ns/families.csv",
    "figures/training.svg",
    "figures/training.pdf",
    "figures/sparsity-ns.csv",
    "report.html",
    "baseline/checkpoint.pt",
    "baseline/training.csv",
    "systems/ns/checkpoint.pt",
    "data/raw/train.en-qa.qa",
    "data/checked.json",
    "data/clean/train.en-qa.qa",
    "data/clean/en-qa.json",
    "data/filters.csv",
    "data/identifier.json",
    "data/manifest.json",
    "data/dict.txt",
    "data/sentencepiece.model",
    "data/tests/test/manifest.json",
    "data/tests/test/checked.json",
    "data/tests/test/text/test.en-qa.qa",
]


def edit(path: Path) -> None:
    """Change one value of a file, or one byte of it, and nothing else: its time is what it was."""
    before = path.stat()
    if path.suffix == ".parquet":
        table = pq.read_table(path, partitioning=None)
        number = next(n for n, field in enumerate(table.schema) if pa.types.is_integer(field.type))
        values = [*table.column(number).to_pylist()[:-1], 3]
        table = table.set_column(number, table.schema.field(number), pa.array(values, table.schema.field(number).type))
        pq.write_table(table, path, compression="zstd")
    elif path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        (content[0] if isinstance(content, list) else content)["note"] = "by hand"
        path.write_text(json.dumps(content), encoding="utf-8")
    else:
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + b"7" + content[middle + (content[middle : middle + 1] != b"7") :])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_what_is_edited_or_deleted_by_hand_is_found_and_named(done, results):
    there = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in results.rglob("*") if path.is_file()}
    gone = ["tables/significance.csv", "figures/shared-ns.pdf", "translations/random/en-qa.hyp.txt"]
    for name in KINDS:
        edit(results / name)
    edit(results / "data/bin/train.en-qe.en.bin")
    for name in gone:
        (results / name).unlink()
    try:
        code, lines = verified(done, "--configfile", "config.yaml")
    finally:
        for path, (content_then, when) in there.items():
            path.write_bytes(content_then)
            os.utime(path, ns=(when, when))
    assert code == 1
    found = {
        kind: {line.split()[1].rstrip(":") for line in lines if line.startswith(kind)} for kind in ("edited", "missing")
    }
    assert not [name for name in KINDS if not any(path.endswith(f"results/small/{name}") for path in found["edited"])]
    assert found["missing"] == {f"results/small/{name}" for name in gone}
    assert any("train.en-qe is not what was prepared" in line for line in lines)
    # What was made from them is named, too.
    stale = " ".join(line for line in lines if line.startswith("stale"))
    assert "results/small/masks/ns.parquet: results/small/activations/en-qa.parquet changed since it was made" in stale
    assert "results/small/translations/ns/en-qa.hyp.txt is not the text that was scored" in stale
    assert all(" · " in line for line in lines[:-1])


def test_a_record_of_the_configuration_that_was_edited_is_not_believed(done, results):
    path = results / "configuration.yaml"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"k: 90", b"k: 60"))
    code, lines = verified(done)
    path.write_bytes(before)
    assert code == 1
    assert lines[0].startswith("edited   results/small/configuration.yaml")
    assert "--configfile" in lines[1]


def test_another_setting_is_named_with_what_it_makes_stale(done):
    other = copy.deepcopy(SMALL)
    other["systems"]["ns"]["masks"]["k"] = 60
    (done.folder / "other.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
    code, lines = verified(done, "--configfile", "other.yaml")
    assert code == 1
    assert any(line.startswith("setting  systems.ns.masks.k: 90 -> 60") for line in lines)
    assert any(
        line.startswith("stale    results/small/masks/ns.parquet: settings or code are others now") for line in lines
    )
    assert not any("activations" in line for line in lines)


def test_another_k_reruns_that_system_and_what_depends_on_it(done):
    other = copy.deepcopy(SMALL)
    other["systems"]["ns"]["masks"]["k"] = 60
    jobs = Flow(done.folder).configure(other).plan()
    # The random control copies the sizes of ns; the baseline is left as it is.
    wanted = {"masks": 2, "specialize": 2, "decode": 2, "score": 2}
    assert {stage: jobs.get(stage, 0) for stage in wanted} == wanted
    assert not {"make_text", "clean", "binarize", "baseline", "record"} & set(jobs)
    alone = copy.deepcopy(SMALL)
    alone["systems"]["random"]["masks"]["seed"] = 5
    jobs = Flow(done.folder).configure(alone).plan()
    assert {stage: jobs.get(stage, 0) for stage in wanted} == dict.fromkeys(wanted, 1)
    Flow(done.folder).configure(SMALL)


def test_a_new_system_is_a_new_branch(done):
    more = copy.deepcopy(SMALL)
    more["systems"]["dense"] = {"continue": True}
    jobs = Flow(done.folder).configure(more).plan()
    assert {stage: jobs.get(stage, 0) for stage in ("specialize", "decode", "score", "masks", "record")} == {
        "specialize": 1,
        "decode": 1,
        "score": 1,
        "masks": 0,
        "record": 0,
    }
    Flow(done.folder).configure(SMALL)


def test_a_selection_of_pairs_has_tables_of_its_own(done, results):
    before = times(results)
    done.run("--config", "pairs=en-qa,qe-en")
    touched = changed_files(results, before)
    assert "selections/en-qa+qe-en/tables/summary.csv" in touched
    assert not [name for name in touched if name.startswith(("tables/", "data/", "baseline/", "systems/", "masks/"))]
    with (results / "selections/en-qa+qe-en/tables/directions.csv").open(encoding="utf-8", newline="") as file:
        assert {row["pair"] for row in csv.DictReader(file)} == {"en-qa", "qe-en"}


# A checkpoint holds the place of its data, so its digest, and what is made from that, depend on the folder.
PLACES = (SEAL, "checkpoint_sha256", "made_from", "activations_sha256", "code_version")


def content(path: Path) -> tuple[pa.Table, dict]:
    """A Parquet file but for where, and at which commit, it was made."""
    metadata = {key: value for key, value in read_metadata(path).items() if key not in PLACES}
    return pq.read_table(path, partitioning=None).replace_schema_metadata(None), metadata


def test_a_run_elsewhere_is_the_same(done, results, tmp_path):
    """Data, counts, masks, weights, translations and scores of two runs are the same, to the byte where it can be."""
    again = Flow(tmp_path).configure(SMALL)
    again.run(*(f"results/small/scores/ns/{pair}.json" for pair in DIRECTIONS))
    other = tmp_path / "results/small"
    same = ["data/dict.txt", "data/sentencepiece.model", "data/filters.csv"]
    same += [f"scores/ns/{pair}.json" for pair in DIRECTIONS]
    same += [str(path.relative_to(results)) for path in (results / "data/bin").iterdir()]
    assert not [name for name in same if (results / name).read_bytes() != (other / name).read_bytes()]
    tables = ["masks/ns.parquet"]
    tables += [f"{kind}/{pair}.parquet" for kind in ("activations", "translations/ns") for pair in DIRECTIONS]
    assert not [name for name in tables if content(results / name) != content(other / name)]
    for name in ("baseline/checkpoint.pt", "systems/ns/checkpoint.pt"):
        one, two = (checkpoint.read_raw(folder / name)["model"] for folder in (results, other))
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)
