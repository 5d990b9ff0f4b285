"""A run's model in the folder of the pretrained one that it began from: its tokenizer and tags, and all of its rows."""

from __future__ import annotations

import shutil
from pathlib import Path

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.errors import UserError
from workflow_scripts.files import read_json
from workflow_scripts.formats import transformers_folder as folders
from workflow_scripts.formats.architecture import PROJECTION
from workflow_scripts.formats.transformers_files import LISTED, PIECES, TOKENIZER
from workflow_scripts.formats.transformers_read import read_model
from workflow_scripts.formats.transformers_rows import put_back, rows_of

VOCABULARY = "vocabulary.json"


def tags_of(manifest: Manifest) -> dict[str, str]:
    """What the pretrained model of a run calls its languages. Raises `UserError` where the run began from none."""
    path = manifest.path.with_name(VOCABULARY)
    if not path.is_file():
        raise UserError(f"--original: the run did not begin from a pretrained model ({path} does not exist)")
    return read_json(path)["tags"]


def with_all_rows(model: folders.Model, original: Path, tags: dict[str, str]) -> tuple[folders.Model, dict[str, int]]:
    """The `model` with the tables of all rows of `original`, and the rows of the run's languages.

    Raises `UserError` where the folder is of another model.
    """
    rows, whole = rows_of(original, model.symbols, tags), read_model(original)
    ours, theirs = (one.shape for one in (model.state[PROJECTION], whole.weights[PROJECTION]))
    if ours[1] != theirs[1]:
        raise UserError(f"{original} is of width {theirs[1]}, the run's model of width {ours[1]}: another model")
    numbers = dict(zip(model.symbols, rows, strict=True))
    state = put_back(model.state, rows, whole.weights)
    return folders.Model(**{**vars(model), "state": state}), numbers


def copy_tokenizer(original: Path, folder: Path) -> None:
    """Copy all that decides how text is cut and called."""
    for name in (PIECES, LISTED, *TOKENIZER):
        if (original / name).is_file():
            shutil.copyfile(original / name, folder / name)
