"""What jobs read and wrote is kept by content, and what has changed since is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.reliability.artifacts_made import make_artifacts
from workflow_scripts.artifacts_files import is_sealed
from workflow_scripts.batch import stamp
from workflow_scripts.cluster.snakemake_state import Job
from workflow_scripts.files import SEAL, sealed, write_json
from workflow_scripts.kept_digests import KeptDigests
from workflow_scripts.paths import Paths
from workflow_scripts.verification import verify

PARQUET = ["activations", "masks", "translations", "segments", "crossed"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def job(inputs: list[str], outputs: list[str], why: tuple[str, ...] = ()) -> Job:
    return Job("tables", tuple(inputs), tuple(outputs), {}, 0, "", (), why)


def made(text: str = "a") -> list[Job]:
    """One job that has ended, of one file from another."""
    Path("in.txt").write_text(text)
    Path("out.csv").write_text(text)
    KeptDigests(Paths("demo").digests).add("tables", ["in.txt", "gone.txt"], ["out.csv", "."])
    return [job(["in.txt"], ["out.csv"])]


def said(jobs: list[Job]) -> list[str]:
    return [str(finding) for finding in verify(Paths("demo"), jobs).findings]


def rewrite(name: str, text: str) -> None:
    """Change a file and leave its time."""
    before = os.stat(name)
    Path(name).write_text(text)
    os.utime(name, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_nothing_is_said_of_what_is_as_it_was():
    assert said(made()) == []


def test_an_output_that_was_changed_or_removed_is_named_with_the_remedy():
    jobs = made()
    rewrite("out.csv", "b")
    assert [line.split()[:2] for line in said(jobs)] == [["edited", "out.csv:"]]
    assert said(jobs)[0].endswith('make run ARGS="-R out.csv"')
    Path("out.csv").unlink()
    assert [line.split()[:2] for line in said(jobs)] == [["missing", "out.csv:"]]


def test_an_input_that_was_changed_makes_stale_whatever_its_time():
    jobs = made()
    rewrite("in.txt", "b")
    assert said(jobs) == ['stale    out.csv: in.txt changed since it was made · make run ARGS="-R out.csv"']


def test_a_new_time_alone_is_no_change():
    jobs = [job(["in.txt"], ["out.csv"], ("updated input files",)) for _ in made()]
    os.utime("in.txt", (2e9, 2e9))
    assert said(jobs) == []


def test_other_settings_and_unfinished_work_are_stale():
    (one,) = made()
    for why, words in {
        "params have changed since last execution": "settings or code",
        "incomplete output files": "not finished",
    }.items():
        assert words in said([job([*one.inputs], [*one.outputs], (why,))])[0]


def test_what_an_earlier_version_made_cannot_be_told():
    Path("out.csv").write_text("a")
    (line,) = said([job([], ["out.csv"])])
    assert line.startswith("unknown  out.csv: nothing says what was written")


def test_a_training_that_was_edited_is_not_trained_again_for_it():
    Path("c.pt").write_text("a")
    KeptDigests(Paths("demo").digests).add("specialize", [], ["c.pt"])
    Path("c.pt").write_text("b")
    training = Job("specialize", (), ("c.pt",), {"system": "ns"}, 0, "", ())
    assert said([training])[0].endswith("rm c.pt, then make run")


def test_the_last_word_on_a_file_counts_and_a_line_that_a_kill_cut_is_passed_over():
    for text in ("a", "b", "c", "d"):
        jobs = made(text)
    path = Path(Paths("demo").digests)
    with path.open("a") as file:
        file.write('\n{"rule": "tables", "inputs": {"in')
    before = path.read_bytes()
    assert said(jobs) == []
    assert path.read_bytes() == before
    KeptDigests(path).add("masks", [], ["in.txt"])
    assert said(jobs) == []
    assert {name: found.rule for name, found in KeptDigests(path).last.items()} == {
        "out.csv": "tables",
        "in.txt": "masks",
    }
    # What later lines had replaced is left out.
    assert len([line for line in path.read_text().splitlines() if line]) == 2


def test_what_cannot_be_noted_is_no_reason_to_fail():
    Path("results").write_text("a file where the folder should be")
    Path("out.csv").write_text("a")
    KeptDigests(Paths("demo").digests).add("tables", [], ["out.csv"])


@pytest.mark.parametrize("name", PARQUET)
def test_a_parquet_file_is_sealed(tmp_path, name):
    path = make_artifacts(tmp_path) / f"{name}.parquet"
    assert is_sealed(path) is True
    table = pq.read_table(path, partitioning=None)
    # Packed otherwise it is the same.
    pq.write_table(table, path, compression="none", use_dictionary=False, row_group_size=2)
    assert is_sealed(path) is True
    for number, field in enumerate(table.schema):
        values = table.column(number).to_pylist()
        last = {"int": 77, "double": 0.25, "string": "other", "list<": [1]}
        other = next(value for kind, value in last.items() if str(field.type).startswith(kind))
        changed = table.set_column(number, field, pa.array([*values[:-1], other], field.type))
        pq.write_table(changed, path)
        assert is_sealed(path) is (values[-1] == other), field.name
    pq.write_table(table.slice(1), path)
    assert is_sealed(path) is False
    about = table.schema.metadata
    pq.write_table(table.replace_schema_metadata(about | {b"made_from": b"x"}), path)
    assert is_sealed(path) is False
    # An earlier version did not seal, and what has no layout at all is none of ours.
    pq.write_table(table.replace_schema_metadata({key: about[key] for key in about if key != SEAL.encode()}), path)
    assert is_sealed(path) is None
    pq.write_table(table.replace_schema_metadata(None), path)
    assert is_sealed(path) is False


def test_json_that_says_what_it_was_made_from_is_sealed():
    write_json("a.json", {"b": (1, 0.1, None), "c": {3: "ü", 10: 1}} | stamp({"x": 1}))
    content = json.loads(Path("a.json").read_text(encoding="utf-8"))
    assert sealed(content) == content
    assert sealed(content | {"b": 2}) != content | {"b": 2}
    write_json("b.json", {"b": 1})
    assert json.loads(Path("b.json").read_text()) == {"b": 1}
