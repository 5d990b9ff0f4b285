"""Write `data/manifest.json`, the data stage's result that every later stage reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workflow_scripts.files import code_version, digest, sha256, write_json
from workflow_scripts.progress import Progress


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
