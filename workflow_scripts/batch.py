"""One process, many directions: which of them are still to do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import read_metadata
from workflow_scripts.files import digest


def outstanding(outputs: Mapping[str, Sequence[Path]], made_from: Mapping[str, Any]) -> list[str]:
    """The directions whose artefacts are missing or were made from something else than `made_from`.

    `outputs[pair]` are the files of a direction, its Parquet file first; that one carries the digest of
    `made_from` (see `stamp`). Files that are current are only given a new time, so that nothing is computed twice.
    """
    wanted = digest(made_from)
    todo = []
    for pair, paths in outputs.items():
        if all(path.exists() for path in paths) and read_metadata(paths[0]).get("made_from") == wanted:
            for path in paths:
                os.utime(path)
        else:
            todo.append(pair)
    return todo


def stamp(made_from: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata that says what an artefact was made from, key by key and as the digest `outstanding` compares."""
    return {**made_from, "made_from": digest(made_from)}
