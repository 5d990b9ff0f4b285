"""A folder that `transformers` loads: one direction's small model, or the whole model with its neuron sets."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from workflow_scripts.artifacts import Mask, masks_digest
from workflow_scripts.direction import Direction
from workflow_scripts.files import write_json
from workflow_scripts.formats import transformers_model as m2m100
from workflow_scripts.formats import transformers_tokenizer
from workflow_scripts.formats.architecture import Architecture
from workflow_scripts.formats.transformers_sets import PROVENANCE, SETS, write_sets


@dataclass(frozen=True)
class Model:
    """A named model with what surrounds it.

    `state` are its weights; `symbols` is the dictionary in order with languages'
    `tags`; `search` has `beam`, `length_penalty` and `max_length`; `provenance` is kept in `config.json`.
    """

    state: Mapping[str, Tensor]
    architecture: Architecture
    symbols: Sequence[str]
    tags: Sequence[str]
    sentencepiece: Path
    search: Mapping[str, Any]
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class Written:
    """What the card has to know: whether all embeddings are one table, and of the tokenizer (see `Vocabulary`)."""

    shared_embeddings: bool
    beyond: int
    normalizes: bool


def provenance(version: str, checkpoint: str, pair: Direction | None, rows: Sequence[Mask] | None) -> dict:
    """What `config.json` says of the model's origin; `checkpoint` is its identity (`formats.checkpoint`)."""
    return {
        "version": version,
        "checkpoint": checkpoint,
        "masks": masks_digest(rows) if rows else None,
        "pair": str(pair) if pair else None,
    }


def write_folder(folder: Path, model: Model, pair: Direction | None, rows: Sequence[Mask] | None) -> Written:
    """Write the small model of `pair` into the existing `folder`; or the whole one, with all neuron sets, if any.

    Layers of a component must have one width.
    """
    m2m100.check(model.architecture)
    source, target = pair.tags if pair else (None, None)
    tokenizer, vocabulary = transformers_tokenizer.fast_tokenizer(
        model.sentencepiece, model.symbols, model.tags, source
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = transformers_tokenizer.settings(model.tags, model.architecture.max_source)
    write_json(folder / "tokenizer_config.json", settings)
    write_json(folder / "special_tokens_map.json", transformers_tokenizer.special_tokens(model.tags))
    shutil.copyfile(model.sentencepiece, folder / "sentencepiece.model")
    write_model(folder, model, pair, rows, vocabulary.ids[target] if target else None)
    return Written(model.architecture.shared == "all", vocabulary.beyond, vocabulary.normalizes)


def write_model(
    folder: Path, model: Model, pair: Direction | None, rows: Sequence[Mask] | None, tag: int | None
) -> None:
    """Write all but the tokenizer; `tag` is the row of the target language's, None where there is no one target."""
    shared = model.architecture.shared == "all"
    config = m2m100.configuration(model.state, model.architecture)
    write_json(folder / "config.json", config | {PROVENANCE: model.provenance})
    generation = m2m100.generation(config, model.architecture.max_target, model.search, tag)
    write_json(folder / "generation_config.json", generation)
    save_file(m2m100.weights(model.state, shared), folder / "model.safetensors", metadata={"format": "pt"})
    # The library makes it for its owner's eyes alone.
    (folder / "model.safetensors").chmod((folder / "config.json").stat().st_mode)
    if rows and pair is None:
        write_sets(folder / SETS, rows)
