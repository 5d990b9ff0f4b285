"""Whether two runs have the same files: to the byte, and where times or speeds are within, by what they say."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from workflow_scripts.artifacts_files import read_metadata
from workflow_scripts.files import sha256
from workflow_scripts.formats.checkpoint import read_raw, weights_digest
from workflow_scripts.formats.peek import PROVENANCE

WORK = "run"
"""The folder of a training's own files. They tell when it was interrupted; only their weights must be the same."""
STAMP = "/.snakemake_timestamp"
"""Snakemake's own mark in folders that are outputs."""
MEASURED = ("updates_per_second", "tokens_per_second", "seconds")
TIMED = re.compile(r"(?:^|/)(?:report\.html|training\.(?:svg|pdf|csv)|costs\.csv)$")
"""What shows how long things took."""


def checkpoint(path: Path) -> Any:
    """Weights, and what they were made from."""
    content = read_raw(path)
    return weights_digest(content["model"]), without_version(content.get(PROVENANCE) or {})


def parquet(path: Path) -> Any:
    """Rows and metadata."""
    return pq.read_table(path, partitioning=None).to_pylist(), without_version(read_metadata(path))


def without_version(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says of how it was made, but for the commit: it is known in a checkout, not in a copy."""
    return {key: value for key, value in said.items() if key != "code_version"}


def curve(path: Path) -> Any:
    """The rows of a training, but for its speed."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: value for key, value in row.items() if key not in MEASURED} for row in csv.DictReader(file)]


def whole(path: Path) -> Any:
    """The end of a picture, or a page, that shows times: whether it is complete."""
    return path.read_bytes()[-8:]


def placeless(path: Path) -> Any:
    """A text in which the working folder has no name."""
    return path.read_text(encoding="utf-8").replace(str(path).split("/results/")[0], "")


CONTENTS: dict[str, Callable[[Path], Any]] = {".pt": checkpoint, ".parquet": parquet, ".json": placeless}
TIMES: dict[str, Callable[[Path], Any]] = {".csv": curve}


def same(one: Path, other: Path, timed: bool) -> bool:
    """Whether two files are the same; `timed`: but for times."""
    if sha256(one) == sha256(other):
        return True
    read = CONTENTS.get(one.suffix) or (TIMES.get(one.suffix, whole) if timed else None)
    try:
        return read is not None and read(one) == read(other)
    except Exception:
        # Whatever a damaged file makes of its reader.
        return False


def same_weights(one: Path, other: Path) -> bool:
    """Whether two checkpoints of a training have the same weights."""
    return sha256(one) == sha256(other) or checkpoint(one)[0] == checkpoint(other)[0]


def names(results: Path) -> set[str]:
    """The files of a run that must be the same in another."""
    found = {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()}
    return {name for name in found if WORK not in name.split("/")[:-1] and not name.endswith(STAMP)}


def differences(ours: Path, theirs: Path, work: bool = True) -> Iterator[str]:
    """How the files of our run differ from those of an uninterrupted one; `work`: also those that trainings work with.

    A training that is published needs them no more, and they may be those of one that was begun since.
    """
    found, wanted = names(ours), names(theirs)
    yield from (f"{name} is missing" for name in sorted(wanted - found))
    yield from (f"{name} is left over" for name in sorted(found - wanted))
    # Which job has noted what, and when, is another matter after a kill.
    for name in sorted(found & wanted - {"digests.jsonl"}):
        if not same(ours / name, theirs / name, timed=bool(TIMED.search(name))):
            yield f"{name} differs"
    for path in sorted(path for path in theirs.rglob("checkpoint_*.pt") if work and WORK in path.parts):
        name = path.relative_to(theirs)
        if not (ours / name).exists() or not same_weights(ours / name, path):
            yield f"{name} has other weights"
    left = [path for path in ours.rglob(f"{WORK}/**/*") if work and ".tmp" in path.name]
    yield from (f"{path.relative_to(ours)} is left over" for path in sorted(left))
