"""`data/manifest.json`: the data stage's result, as every later stage reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version, digest, sha256, write_json
from workflow_scripts.progress import Progress


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


def fingerprint(shards: list[Path], pairs: list[str]) -> str:
    """One SHA-256 for all dictionaries and all data of `pairs` in the shards; it follows content, not place."""
    files = [
        (f"{number}/{path.name}", path)
        for number, shard in enumerate(shards)
        for path in sorted(shard.iterdir())
        if path.name.startswith("dict.") or (path.suffix in (".bin", ".idx") and path.name.split(".")[1] in pairs)
    ]
    total = sum(path.stat().st_size for _, path in files)
    progress, done, digests = Progress("data digest", total, "bytes"), 0, {}
    for name, path in files:
        digests[name] = sha256(path)
        done += path.stat().st_size
        progress.update(done, name)
    return digest(digests)


def relative(path: Path, folder: Path) -> str:
    """`path` from `folder` where it lies inside, else absolute: a results folder can be moved as a whole."""
    path, folder = path.resolve(), folder.resolve()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def write(
    path: Path,
    *,
    shards: list[Path],
    languages: list[str],
    pairs: list[str],
    sentencepiece: Path | None,
    tokenization: str,
    references: Path | None,
    settings: dict[str, Any],
) -> None:
    """Write the manifest of data-bins `shards` with on-disk `pairs`; the model has `languages` in this order."""
    dictionary = shards[0] / f"dict.{languages[0]}.txt"

    def place(file: Path | None) -> str | None:
        return relative(file, path.parent) if file else None

    content = {
        "shards": [place(shard) for shard in shards],
        "languages": languages,
        "dictionary": place(dictionary),
        "dictionary_sha256": sha256(dictionary),
        "fingerprint": fingerprint(shards, pairs),
        "sentencepiece": place(sentencepiece),
        "tokenization": tokenization,
        "references": place(references),
        "pairs": pairs,
        "settings": settings,
        "code_version": code_version(),
    }
    write_json(path, content)
