"""What is current: the one rule by which a step decides that an artefact need not be made again.

An artefact carries `made_from`, the digest of all that decides its content: inputs, settings, and the code that makes
it. Where it is several files, the one that carries the digest vouches for the others with theirs, so that no kill
between two writes can make them lie: whatever is found mixed is made again. The same digest of code is a param of the
step's rule, so that Snakemake sees what the step sees. A rerun that is asked for by name (`-R`, `-F`) recomputes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.files import FORMAT, digest, sha256, sweep
from workflow_scripts.source_code import step_digest

RECOMPUTE = "NS_RECOMPUTE"
"""Environment variable, set by the Snakefile from `-R`, `-F` and `-f`: `*`, or rules and files, a line each."""

MadeFrom = Mapping[str, Any]


def made_from(step: str, *registered: str, **parts: Any) -> dict[str, Any]:
    """All that decides what `step` writes: `parts` (digests of inputs, and settings), its code, the files' format.

    `registered` are the modules that it found by a name in the configuration.
    """
    return {**parts, "code": step_digest(step, *registered), "format": FORMAT}


def stamp(made: MadeFrom, vouched: Sequence[Path] = ()) -> dict[str, Any]:
    """What an artefact carries: `made`, key by key and as one digest, and the digests of the files beside it.

    `vouched` are those files, which must have been written before.
    """
    files = {"files": {path.name: sha256(path) for path in vouched}} if vouched else {}
    return {**made, "made_from": digest(made), **files}


def is_current(paths: Sequence[Path], made: MadeFrom) -> bool:
    """Whether `paths` were made from `made` and are as they were written; the first of them carries the stamp."""
    if not all(path.exists() for path in paths):
        return False
    carried = read_stamp(paths[0])
    if carried.get("made_from") != digest(made):
        return False
    vouched = carried.get("files", {})
    return all(vouched.get(path.name) == sha256(path) for path in paths[1:])


def read_stamp(path: Path) -> Mapping[str, Any]:
    """The stamp in a Parquet file's metadata, or in a JSON object or the first of a list of them; empty without one."""
    if path.suffix == ".parquet":
        # Late: who asks for the format alone, as every start does, need not wait for Arrow.
        from workflow_scripts.artifacts_files import read_metadata

        return read_metadata(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    first = content[0] if isinstance(content, list) and content else content
    return first if isinstance(first, dict) else {}


def outstanding(
    step: str, outputs: Mapping[str, Sequence[Path]], made: MadeFrom | Callable[[str], MadeFrom]
) -> list[str]:
    """The names (directions) in `outputs` whose files must be made; those that are current get a new time.

    `outputs[name]` are the files of one of them, the one that carries the stamp first; `made` is the same for all, or a
    function of the name.
    """
    todo = []
    for name, paths in outputs.items():
        wanted = made(name) if callable(made) else made
        if not recompute(step, paths) and is_current(paths, wanted):
            renew(paths)
        else:
            todo.append(name)
    return todo


def renew(paths: Sequence[Path]) -> None:
    """Give files a new time: they are as a new run would make them."""
    for path in paths:
        sweep(path.parent)
        os.utime(path)


def recompute(step: str, paths: Sequence[Path] = ()) -> bool:
    """Whether the user asked for these files, or all of this step's, to be made again whatever they are."""
    asked = os.environ.get(RECOMPUTE, "").split("\n")
    return "*" in asked or step in asked or any(str(path) in asked for path in paths)
