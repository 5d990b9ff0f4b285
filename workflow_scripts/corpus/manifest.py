"""`data/manifest.json`: the data that training depends on, as every later stage reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.batch import FORMAT
from workflow_scripts.corpus.parallel import SPLITS, file_name
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import digest, sha256, write_json
from workflow_scripts.progress import Progress

OLDER = "is of another version of this project: move the run's results away, or give the run another name"


@dataclass(frozen=True)
class Manifest:
    """Where the prepared data of a run is. Paths are absolute; `content` is the file as it stands."""

    path: Path
    content: dict[str, Any]

    @property
    def shards(self) -> list[Path]:
        """fairseq data-bin folders."""
        return [self._resolve(shard) for shard in self.content["shards"]]

    def folders(self, split: str) -> list[Path]:
        """The data-bin folders of a split: training text is spread over all, any other lies in the first."""
        return self.shards if split == "train" else self.shards[:1]

    @property
    def languages(self) -> list[str]:
        """Language codes in the model's order."""
        return list(self.content["languages"])

    @property
    def pairs(self) -> list[Direction]:
        """The pairs as they lie on disk."""
        return [Direction.parse(pair) for pair in self.content["pairs"]]

    @property
    def dictionary(self) -> Path:
        """The one dictionary of all languages, without tags."""
        return self._resolve(self.content["dictionary"])

    @property
    def sentencepiece(self) -> Path | None:
        """The SentencePiece model, where it is known."""
        return self._resolve(self.content["sentencepiece"]) if self.content["sentencepiece"] else None

    @property
    def tokenization(self) -> str:
        """`none`, or `moses` where the text was tokenized before SentencePiece."""
        return self.content["tokenization"]

    @property
    def fingerprint(self) -> str:
        """Changes when anything does that training depends on: its text, the dictionary, the languages' order."""
        return self.content["fingerprint"]

    @property
    def vocabulary(self) -> dict[str, Any]:
        """What decides the model's symbols and their order, for `made_from`."""
        return {"dictionary": self.content["dictionary_sha256"], "languages": self.languages}

    def split_digest(self, split: str, direction: Direction) -> str:
        """The digest of the data of a direction in train or valid. Raises `UserError` where there is none."""
        digests = self.content["splits"][split]
        for pair in (direction, direction.reverse):
            if str(pair) in digests:
                return digests[str(pair)]
        raise UserError(f"no {split} text of direction {direction}: {self.path} has {', '.join(digests)}")

    def _resolve(self, path: str) -> Path:
        return (self.path.parent / path).resolve()


def read_manifest(path: str | Path) -> Manifest:
    """Read `data/manifest.json`. Raises `UserError` when it is missing, not a manifest, or of another version."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(path.resolve(), {**content, "shards": content["shards"]})
        _ = manifest.shards, manifest.languages, manifest.pairs, manifest.dictionary, manifest.sentencepiece
        _ = [manifest.content[key] for key in ("tokenization", "fingerprint", "dictionary_sha256")]
        _ = [dict(manifest.content["splits"][split]) for split in SPLITS]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run the data stage first") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is not a data manifest: remove it and run the data stage again") from None
    if manifest.content.get("format") != FORMAT:
        raise UserError(f"{path} {OLDER}")
    return manifest


def data_digests(folders: list[Path], split: str, pairs: Iterable[Direction]) -> dict[str, str]:
    """`{pair: digest}` of the data of a split in data-bin folders; it follows content, not place."""
    found: dict[str, dict[str, Path]] = {
        str(pair): {
            f"{number}/{path.name}": path
            for number, folder in enumerate(folders)
            for language in pair.languages
            for kind in ("bin", "idx")
            if (path := folder / f"{file_name(split, pair, language)}.{kind}").exists()
        }
        for pair in pairs
    }
    total = sum(path.stat().st_size for files in found.values() for path in files.values())
    progress, done, digests = Progress(f"{split} digest", total, "bytes"), 0, {}
    for pair, files in found.items():
        digests[pair] = digest({name: sha256(path) for name, path in files.items()})
        done += sum(path.stat().st_size for path in files.values())
        progress.update(done, pair)
    return digests


def fingerprint(splits: dict[str, dict[str, str]], dictionary_sha256: str, languages: list[str]) -> str:
    """One digest of all that training depends on."""
    return digest({"splits": splits, "dictionary": dictionary_sha256, "languages": languages})


def relative(path: Path, folder: Path) -> str:
    """`path` from `folder` where it lies inside, or is not told absolutely; else absolute.

    So a results folder can be moved as a whole, and a working folder with all that the configuration names in it.
    """
    told, path, folder = path, path.resolve(), folder.resolve()
    return str(path) if told.is_absolute() and not path.is_relative_to(folder) else os.path.relpath(path, folder)


def write(
    path: Path,
    *,
    shards: list[Path],
    languages: list[str],
    pairs: list[Direction],
    sentencepiece: Path | None,
    tokenization: str,
    settings: dict[str, Any],
) -> None:
    """Write the manifest of data-bins `shards` with on-disk `pairs`; the model has `languages` in this order."""
    dictionary = shards[0] / f"dict.{languages[0]}.txt"
    dictionary_sha256 = sha256(dictionary)
    splits = {split: data_digests(shards if split == "train" else shards[:1], split, pairs) for split in SPLITS}
    content = {
        "format": FORMAT,
        "shards": [relative(shard, path.parent) for shard in shards],
        "languages": languages,
        "dictionary": relative(dictionary, path.parent),
        "dictionary_sha256": dictionary_sha256,
        "splits": splits,
        "fingerprint": fingerprint(splits, dictionary_sha256, languages),
        "sentencepiece": relative(sentencepiece, path.parent) if sentencepiece else None,
        "sentencepiece_sha256": sha256(sentencepiece) if sentencepiece else None,
        "tokenization": tokenization,
        "pairs": [str(pair) for pair in pairs],
        "settings": settings,
    }
    write_json(path, content)
