"""The whole pipeline on a tiny corpus, from text to tables; what runs again and what does not; the same every time.

The tests are steps in one folder, in this order.
"""

from __future__ import annotations

import copy
import csv
import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.workflow.conftest import DIRECTIONS, SMALL, Flow
from workflow_scripts.artifacts import masks_digest, read_activations, read_masks, read_translations
from workflow_scripts.artifacts_files import read_metadata
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
    assert all(name.startswith("translations/ns/") for name in touched)


def test_the_tables_follow(done):
    """What depends on the one direction's translation is brought up to date, and nothing is trained."""
    jobs = done.plan()
    assert not {"baseline", "record", "masks", "specialize", "binarize"} & set(jobs)
    done.run()
    assert "Nothing to be done" in done.run()


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
PLACES = ("checkpoint_sha256", "made_from", "activations_sha256", "code_version")


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
