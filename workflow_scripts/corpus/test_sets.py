"""Which directions a folder with a test set has text for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.direction import Direction


def available(folder: str | Path, split: str, directions: Iterable[Direction]) -> list[Direction]:
    """Those of `directions` whose text is in `folder`."""
    names = {path.name.removesuffix(".gz") for path in Path(folder).iterdir()}
    return [
        one
        for one in directions
        if any({f"{split}.{pair}.{code}" for code in one.languages} <= names for pair in (one, one.reverse))
    ]
