"""Every parser of ours reads its real files, and refuses what is made of them at random; a few thousand tries here."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.reliability.artifacts_made import make_artifacts
from tests.reliability.fuzz import Outcome, attempt, fuzz, properties
from tests.reliability.parsers import RESULT, TEST_SET, Parser, parsers
from workflow_scripts.artifacts import SEGMENTS
from workflow_scripts.artifacts_files import write_table
from workflow_scripts.batch import read_stamp
from workflow_scripts.direction import Direction

TRIES, SLOW = 30, 8


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parser]:
    found = parsers(tmp_path_factory.mktemp("made"))
    assert len({parser.name for parser in found}) == len(found)
    return {parser.name: parser for parser in found}


def test_real_files_are_read(every, tmp_path):
    """Else a parser could refuse everything for another reason than what is tried."""
    for parser in every.values():
        for seed in parser.seeds:
            outcome = Outcome()
            attempt(parser, seed, tmp_path, outcome)
            assert (outcome.escaped, outcome.refused) == ({}, 0), parser.name


def test_nothing_but_the_projects_own_error_escapes(every, tmp_path):
    for number, parser in enumerate(every.values()):
        tries = SLOW if parser.slow else TRIES
        for outcome in (fuzz(parser, tries, tmp_path, seed=number), properties(parser, tries // 2, tmp_path)):
            assert not outcome.escaped, parser.name
            assert outcome.executions >= tries // 2


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _ragged(folder: Path) -> bytes:
    """Segments whose statistics are not all as many."""
    rows = [{"text": "raw", "metric": "BLEU", "id": n, "score": None, "statistics": [1] * (n + 1)} for n in range(2)]
    write_table(folder / "ragged.parquet", pa.Table.from_pylist(rows, schema=SEGMENTS), {})
    return (folder / "ragged.parquet").read_bytes()


def _uncounted(folder: Path) -> bytes:
    """Activations whose positions are no numbers by component."""
    table = pq.read_table(make_artifacts(folder) / "activations.parquet")
    about = table.schema.metadata | {b"counted_positions_even": b"[]"}
    pq.write_table(table.replace_schema_metadata(about), folder / "uncounted.parquet")
    return (folder / "uncounted.parquet").read_bytes()


MEANS = {"against": "baseline", "system": "ns"}
FOUND = [
    *(("scores", _json(value)) for value in (1.5, ["x"], [{"name": "BLEU"}], [{}], [None])),
    *(("tests", _json(MEANS | {"pair": "en-de", "results": value})) for value in (1, [1], [{}], [RESULT | {"p": "x"}])),
    *(("tests of means", _json(MEANS | {"results": value})) for value in (1, [RESULT | {"difference": "x"}])),
    ("tests of means", _json(MEANS)),
    *(("ceilings", _json(value)) for value in (1.5, [], {"pair": "en-de"}, {"pair": "en-de", "results": [{}]})),
    *(("languages of hypotheses", _json(value)) for value in (1.5, {"pair": "en-de"})),
    *((f"table of {name}", content) for name in ("directions", "overlap", "families", "crossed scores")
      for content in (b"a,b\n1,2\n1,2,3\n", b"\xd4,b\n", b"")),
    *(("manifest", _json({"format": 2, "shards": ["x"], **more})) for more in ({}, {"languages": 1}, {"splits": 1})),
    *(("manifest of a test set", _json(TEST_SET | more)) for more in ({"folder": 1.5}, {"pairs": {"en-de": {}}})),
    *(("failed jobs", content) for content in (b"\xab", b"1", b"[1", b'[{"rule": 1}]')),
    ("segments", _ragged),
    ("SentencePiece model", b"\x0a\x02\x18\x01"),
    ("SentencePiece model", b"\x0a\x02\x08\x01"),
    ("activations", _uncounted),
    *((f"transformers: {name}.json", b"1.5") for name in ("config", "tokenizer_config")),
    ("transformers: config.json", b'{"model_type": "m2m_100"}'),
    ("transformers: tokenizer_config.json", b'{"extra_special_tokens": [1]}'),
]  # fmt: skip
PASSED_OVER = [
    ("benchmarks, for times", b'{"s": []}\n{"x": 1}\n{"s": "NA"}\n'),
    ("progress of a training", b'{"update": [], "split": "train"}\n{"update": 1, "split": [], "loss": "\\ud800"}\n'),
    ("progress of a training", b'{"update": 1, "split": "train", "loss": "\\ud800", "other": 1}\n'),
    ("failed jobs", _json([{"rule": "a", "wildcards": {}, "output": [], "logs": ["/"]}])),
    ("SLURM's queue", b"a\tb\n\n"),
    ("SLURM's queue", b"1\tR\t1\t1\tdemo_x\tc\ta\0b\n"),
    ("SLURM's partitions", b"a|b\n\n"),
    ("digest beside a download", b"\xf9 x\n"),
    ("digests", b'{"rule": 1}\n{"rule": "a", "inputs": {}, "outputs": {"a": 1}}\n'),
]
"""What had ended in a traceback: what is refused now, and what is passed over."""


@pytest.mark.parametrize(("name", "content"), FOUND, ids=lambda value: getattr(value, "__name__", str(value)[:60]))
def test_what_had_ended_in_a_traceback_is_refused(every, tmp_path, name, content):
    outcome = Outcome()
    attempt(every[name], content(tmp_path) if callable(content) else content, tmp_path / "tried", outcome)
    assert (outcome.escaped, outcome.refused) == ({}, 1)


@pytest.mark.parametrize(
    ("name", "content"), PASSED_OVER, ids=lambda value: getattr(value, "__name__", str(value)[:60])
)
def test_what_had_ended_in_a_traceback_is_passed_over(every, tmp_path, name, content):
    outcome = Outcome()
    attempt(every[name], content, tmp_path, outcome)
    assert (outcome.escaped, outcome.refused) == ({}, 0)


def test_the_fuzzer_finds_what_lies_behind_several_conditions(tmp_path):
    """A check that cannot fail would find nothing here either."""

    def read(path: Path) -> None:
        direction = Direction.parse(path.read_text(encoding="utf-8", errors="replace"))
        _ = {"de": 1, "e": 1}[direction.target]

    outcome = fuzz(Parser("planted", "pair", (b"en-de",), read), 1500, tmp_path)
    assert any(key.startswith("KeyError") for key in outcome.escaped)
    assert outcome.refused


def test_the_fuzzer_goes_on_from_what_reached_new_code(tmp_path):
    parser = Parser("stamp", "a.json", (b"[]",), read_stamp)
    assert fuzz(parser, 60, tmp_path).reached >= fuzz(parser, 1, tmp_path).reached > 0
