"""The data stage's result as later stages see it: `data/manifest.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.errors import UserError


@dataclass(frozen=True)
class Manifest:
    """Where the prepared data of a run is. Paths are absolute; `content` is the file as it stands."""

    path: Path
    content: dict[str, Any]

    @property
    def shards(self) -> list[Path]:
        """fairseq data-bin folders."""
        return [self._resolve(shard) for shard in self.content["shards"]]

    @property
    def languages(self) -> list[str]:
        """Language codes in the model's order."""
        return list(self.content["languages"])

    @property
    def dictionary(self) -> Path:
        """The one dictionary of all languages, without tags."""
        return self._resolve(self.content["dictionary"])

    @property
    def sentencepiece(self) -> Path | None:
        """The SentencePiece model, where it is known."""
        return self._resolve(self.content["sentencepiece"]) if self.content["sentencepiece"] else None

    @property
    def references(self) -> Path | None:
        """Folder of the raw lines, where scoring should use them instead of the data-bin's."""
        return self._resolve(self.content["references"]) if self.content["references"] else None

    @property
    def tokenization(self) -> str:
        """`none`, or `moses` where the text was tokenized before SentencePiece."""
        return self.content["tokenization"]

    @property
    def fingerprint(self) -> str:
        """Changes when any of the data does."""
        return self.content["fingerprint"]

    def _resolve(self, path: str) -> Path:
        return (self.path.parent / path).resolve()


def read_manifest(path: str | Path) -> Manifest:
    """Read `data/manifest.json`. Raises `UserError` when it is missing or not a manifest."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(path.resolve(), {**content, "shards": content["shards"]})
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run the data stage first") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not a data manifest: remove it and run the data stage again") from None
