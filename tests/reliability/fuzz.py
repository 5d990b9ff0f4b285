"""A small coverage-guided fuzzer: it changes real files at random, and goes on from what reached new code.

It sees the lines of this project's package alone, by `sys.settrace`: a pair of lines that were never run one after the
other is new. Files of JSON and Parquet are also changed in their structure, which changes of bytes seldom get through.
"""

from __future__ import annotations

import io
import json
import random
import re
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workflow_scripts
from tests.reliability.parsers import Parser
from workflow_scripts.errors import UserError

PACKAGE = str(Path(workflow_scripts.__file__).parent)
LONGEST = 1 << 16
WORDS = [
    *(b"", b"\0", b"\n", b"\r\n", b"\t", b" ", b",", b":", b"-", b'"', b"'", b"{", b"}", b"[", b"]", b"|", b"#", b"/"),
    *(
        b"null",
        b"true",
        b"nan",
        b"NaN",
        b"inf",
        b"-1",
        b"0",
        b"1e999",
        b"9" * 25,
        b"0x1",
        b"\xff",
        b"\xc3",
        b"\xf0\x9f",
    ),
    *(
        "\u2028".encode(),
        "٣".encode(),
        "\ufeff".encode(),
        b"&a",
        b"*a",
        b"!!python/object:os.system",
        b"<<: ",
        b"..",
        b"%s",
    ),
]
VALUES = [None, True, -1, 0, 2**70, 1.5, float("nan"), "", "x", "en-de", [], {}, [[]], {"a": 1}, "\ud800", "9" * 400]


@dataclass
class Outcome:
    """What came of it: executions, how many were refused, and each way (place in the code) in which one escaped."""

    executions: int = 0
    refused: int = 0
    reached: int = 0
    escaped: dict[str, tuple[bytes, str]] = field(default_factory=dict)


class _Lines:
    """The pairs of lines that were run one after the other, in any function of the package."""

    def __init__(self) -> None:
        self.seen: set[tuple[CodeType, int, int]] = set()
        self.last = 0

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            self.seen.add((frame.f_code, self.last, frame.f_lineno))
            self.last = frame.f_lineno
        return self


def attempt(parser: Parser, content: bytes, folder: Path, outcome: Outcome) -> None:
    """Let a parser read `content`; what it raises, other than `UserError`, is kept by where it came from."""
    path = folder / parser.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    outcome.executions += 1
    try:
        parser.read(path)
    except UserError:
        outcome.refused += 1
    except Exception as error:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(PACKAGE)]
        where = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "outside"
        outcome.escaped.setdefault(f"{type(error).__name__} at {where}", (content, f"{error}"[:200]))
    finally:
        path.unlink(missing_ok=True)


def fuzz(parser: Parser, executions: int, folder: Path, seed: int = 0) -> Outcome:
    """Let a parser read its seeds and then what is made of them, `executions` in all; the same with the same `seed`."""
    outcome, lines, draw = Outcome(), _Lines(), random.Random(seed)
    corpus = list(parser.seeds)
    before = sys.gettrace()
    for number in range(executions):
        content = corpus[number] if number < len(parser.seeds) else changed(draw, corpus, parser.file)
        known, lines.last = len(lines.seen), 0
        sys.settrace(lines)
        try:
            attempt(parser, content, folder, outcome)
        finally:
            sys.settrace(before)
        if len(lines.seen) > known and number >= len(parser.seeds):
            corpus.append(content)
    outcome.reached = len({(code, line) for code, _, line in lines.seen})
    return outcome


def properties(parser: Parser, examples: int, folder: Path) -> Outcome:
    """Let a parser read what hypothesis draws: JSON with the keys of its seeds, texts of their parts, bytes."""
    outcome = Outcome()
    parts = sorted({part for seed in parser.seeds for part in re.findall(rb"\w+|\W", seed[:LONGEST])})[:500]
    texts = st.lists(st.sampled_from(parts) | st.binary(max_size=4), max_size=30).map(b"".join)
    drawn = st.binary(max_size=200) | texts | st.text(max_size=50).map(lambda text: text.encode("utf-8", "replace"))
    if parser.file.endswith((".json", ".jsonl")):
        keys = sorted({key for seed in parser.seeds for key in re.findall(r'"(\w+)":', seed.decode())}) or ["a"]
        leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("en-de")
        values = st.recursive(
            leaves,
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys) | st.text(max_size=3), inner)
            ),
            max_leaves=12,
        )
        drawn = values.map(lambda value: json.dumps(value).encode()) | drawn

    @settings(
        max_examples=examples, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(drawn)
    def read(content: bytes) -> None:
        attempt(parser, content, folder, outcome)

    read()
    return outcome


def changed(draw: random.Random, corpus: list[bytes], name: str) -> bytes:
    """One of `corpus`, changed once or several times."""
    content = draw.choice(corpus)
    for _ in range(draw.choice([1, 1, 2, 4])):
        if draw.random() < 0.6 and name.endswith((".json", ".jsonl")):
            content = _json_changed(draw, content)
        elif draw.random() < 0.6 and name.endswith(".parquet"):
            content = _parquet_changed(draw, content)
        else:
            content = _bytes_changed(draw, content, corpus)
    return content[:LONGEST]


def _bytes_changed(draw: random.Random, content: bytes, corpus: list[bytes]) -> bytes:
    start = draw.randrange(len(content) + 1)
    end = min(len(content), start + (1 << draw.randrange(8)))
    match draw.randrange(7):
        case 0:
            return content[:start] + content[end:]
        case 1:
            return content[:start] + draw.choice(WORDS) + content[start:]
        case 2:
            return content[:start] + draw.choice(WORDS) + content[end:]
        case 3:
            return content[:end] + content[start:end] * draw.randrange(1, 4) + content[end:]
        case 4:
            return content[:start] + draw.randbytes(min(end - start, 8)) + content[min(start + 8, end) :]
        case 5:
            other = draw.choice(corpus)
            return content[:start] + other[draw.randrange(len(other) + 1) :]
        case _:
            return (
                content[:start]
                + bytes(byte ^ (1 << draw.randrange(8)) for byte in content[start : start + 1])
                + content[start + 1 :]
            )


def _json_changed(draw: random.Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    number = draw.randrange(len(lines))
    try:
        value = json.loads(lines[number])
    except ValueError:
        return content
    lines[number] = json.dumps(_value_changed(draw, value)).encode()
    return b"\n".join(lines)


def _value_changed(draw: random.Random, value: Any) -> Any:
    if not isinstance(value, (dict, list)) or not value or draw.random() < 0.2:
        return draw.choice(VALUES)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw.choice(keys)
    match draw.randrange(5):
        case 0:
            return (
                {name: each for name, each in value.items() if name != key} if isinstance(value, dict) else value[:key]
            )
        case 1 if isinstance(value, dict):
            return value | {draw.choice(["", "x", "en-de", *keys]): draw.choice(VALUES)}
        case _:
            new = _value_changed(draw, value[key])
            return value | {key: new} if isinstance(value, dict) else [*value[:key], new, *value[key + 1 :]]


def _parquet_changed(draw: random.Random, content: bytes) -> bytes:
    """A table, changed; what was changed in its bytes before may be none that can be changed so."""
    try:
        return _table_changed(draw, content)
    except Exception:
        return content


def _table_changed(draw: random.Random, content: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(content))
    number = draw.randrange(table.num_columns)
    column, name = table.column(number), table.schema.names[number]
    about = dict(table.schema.metadata or {})
    match draw.randrange(6):
        case 0:
            table = table.drop_columns([name])
        case 1:
            table = table.slice(draw.randrange(table.num_rows + 1), draw.randrange(table.num_rows + 1))
        case 2:
            table = pa.concat_tables([table, table.slice(0, draw.randrange(3))])
        case 3:
            values = [_cell(draw, value) if draw.random() < 0.3 else value for value in column.to_pylist()]
            table = table.set_column(number, table.schema.field(number), pa.array(values, column.type))
        case 4:
            table = table.append_column(draw.choice(["x", name]), column)
        case _:
            about[draw.choice([*about, b"x"])] = draw.choice([b"", b"[]", b"{}", b"1", b"null", b"\xff", b'"en-de"'])
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(about), out)
    return out.getvalue()


def _cell(draw: random.Random, value: Any) -> Any:
    others: Iterable[Any] = {
        "int": (None, -1, 0, 2**31 - 1, 2**62),
        "float": (None, float("nan"), float("inf"), -1.0),
        "str": (None, "", "x", "de-en", "decoder"),
        "list": (None, [], [-1], [5, 1], [0, 0]),
    }.get(type(value).__name__, (None, 0, 0.5, "", [1]))
    return draw.choice(list(others))
