"""`data/tests/{name}/manifest.json`: one prepared test set, as every later stage reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.batch import FORMAT
from workflow_scripts.corpus.manifest import OLDER, Manifest, relative
from workflow_scripts.corpus.parallel import read_lines
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import digest, write_json


@dataclass(frozen=True)
class PreparedSet:
    """A prepared test set; `content` is the manifest as it stands."""

    path: Path
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """What the run calls it; the default one is `test`."""
        return self.content["name"]

    @property
    def split(self) -> str:
        """What its files in `folder` begin with."""
        return self.content["split"]

    @property
    def folder(self) -> Path:
        """The data-bin that holds it."""
        return (self.path.parent / self.content["folder"]).resolve()

    def made_of(self, direction: Direction) -> dict[str, Any]:
        """What decides the text of a direction: digests of its data and, where they are known, of its raw lines."""
        entry = self._entry(direction)
        raw = {side: found["raw"] for side, found in entry["text"].items()} if entry["text"] else None
        return {"data": entry["data"], "raw": raw}

    def lines(self, direction: Direction) -> tuple[list[str], list[str]] | None:
        """Source and reference lines, where they are known otherwise than from the data-bin.

        Raises `UserError` when they have changed since.
        """
        text = self._entry(direction)["text"]
        if not text:
            return None
        source, target = (self._side(**text[language]) for language in direction.languages)
        return source, target

    def _side(self, file: str, sha256: str, raw: str) -> list[str]:
        path = self.path.parent / file
        lines = list(read_lines(path)) if path.is_file() else []
        if text_digest(lines) != sha256:
            raise UserError(f"{path} has changed since the data was prepared: remove {self.path} and run again")
        return lines

    def _entry(self, direction: Direction) -> Mapping[str, Any]:
        pairs = self.content["pairs"]
        for pair in (direction, direction.reverse):
            if str(pair) in pairs:
                return pairs[str(pair)]
        raise UserError(f"test set {self.name} has no text of {direction}; it has {', '.join(pairs)}")


def text_digest(lines: Iterable[str]) -> str:
    """One digest of lines, in whatever file they lie."""
    return digest(list(lines))


def read_prepared(path: str | Path, manifest: Manifest) -> PreparedSet:
    """Read a test set's manifest. Raises `UserError` when it is not one, or was prepared for other data."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version, made_for = content.get("format"), content["dictionary_sha256"]
        found = PreparedSet(path.resolve(), content)
        _ = found.name, found.split, found.folder
        for pair in content["pairs"]:
            direction = Direction.parse(pair)
            _ = (
                found.made_of(direction),
                [str(side["file"]) for side in (found._entry(direction)["text"] or {}).values()],
            )
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run the data stage first") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is not the manifest of a test set: remove it and run the data stage again") from None
    if version != FORMAT:
        raise UserError(f"{path} {OLDER}")
    if made_for != manifest.content["dictionary_sha256"]:
        raise UserError(f"{path} was prepared with another dictionary than {manifest.path}: run the data stage again")
    return found


def write(
    path: Path, *, name: str, split: str, folder: Path, dictionary_sha256: str, pairs: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the manifest of a test set whose data lies in `folder`.

    `pairs[pair]` has `lines`, `data` (digest), `text` and `contamination` as `steps.test_set` finds them.
    """
    content = {
        "format": FORMAT,
        "name": name,
        "split": split,
        "folder": relative(folder, path.parent),
        "dictionary_sha256": dictionary_sha256,
        "pairs": pairs,
    }
    write_json(path, content)
