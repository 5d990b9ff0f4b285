"""A model's files from the Hugging Face hub: of one commit, resumable, each with the digest that the hub knows.

The hub's own library says what there is; files come by the project's downloader, which goes on with what an earlier
process has begun, as that library does not.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workflow_scripts.corpus.download import fetch, from_url
from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256
from workflow_scripts.formats.transformers_files import (
    CONFIG,
    INDEX,
    LISTED,
    PIECES,
    TOKENIZER,
    chosen_weights,
    indexed,
)


def download(name: str, revision: str, folder: Path) -> dict[str, str]:
    """Fill `folder` with what is read of the model `name` at the commit `revision`; the SHA-256 of each file.

    Raises `UserError` where the hub cannot be reached, has no such model or commit, or sends another file than it says.
    """
    from huggingface_hub import hf_hub_url

    there = {file.rfilename: file for file in _model_info(name, revision).siblings or []}
    weights = chosen_weights(there)
    if missing := [one for one in (CONFIG, PIECES) if one not in there] or ([] if weights else ["weights"]):
        raise UserError(
            f"{name} at {revision} has no {missing[0]} in the hub: it is no M2M-100 or NLLB-200 as published"
        )
    wanted = [one for one in (CONFIG, PIECES, LISTED, *TOKENIZER, weights) if one in there]
    for file in wanted:
        _bring(hf_hub_url(name, file, revision=revision), there[file], folder / file)
        if file.endswith(INDEX):
            # Shards are as good as known now: they follow.
            wanted += [one for one in indexed(folder / file) if one in there]
    return {file: sha256(folder / file) for file in wanted}


def _bring(url: str, known: Any, path: Path) -> None:
    """Have a file at `path` with the digest that the hub has of it: of large ones SHA-256, of others git's."""
    if known.lfs:
        fetch(path, url, None, known.lfs.sha256)
        return
    if not (path.is_file() and _blob_id(path) == known.blob_id):
        part = path.with_name(f"{path.name}.part")
        from_url(url, part, pinned=True)
        if _blob_id(part) != known.blob_id:
            part.unlink()
            raise UserError(f"{url}: another file came than the hub has; run again")
        part.replace(path)
        part.with_name(f"{part.name}.json").unlink(missing_ok=True)


def _blob_id(path: Path) -> str:
    """What git calls a file of this content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - git's own


def _model_info(name: str, revision: str) -> Any:
    """What the hub says of a model; its errors in a line."""
    from huggingface_hub import HfApi, errors

    try:
        return HfApi().model_info(name, revision=revision, files_metadata=True)
    except errors.GatedRepoError:
        reason = "its terms are to be accepted in the hub: do so, download it there, and name the folder"
    except errors.RevisionNotFoundError:
        reason = "the hub knows no such commit of it"
    except errors.RepositoryNotFoundError:
        reason = "the hub knows no such model, or it is private"
    except errors.HFValidationError as error:
        reason = f"this is no name of a model ({_line(error)})"
    except errors.OfflineModeIsEnabled:
        reason = "HF_HUB_OFFLINE is set; name a local folder instead"
    # HTTPError is that of the library which carries the requests.
    except (errors.HTTPError, OSError) as error:
        reason = f"the hub cannot be reached or refuses ({_line(error)}); try later, or name a local folder"
    raise UserError(f"{name} at {revision} is not downloaded: {reason}")


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def settle(folder: Path, files: Iterable[str], target: Path) -> None:
    """Move downloaded `files` to the folder `target`, and remove the rest."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in files:
        (folder / file).replace(target / file)
    shutil.rmtree(folder)
