"""A folder that `transformers` loads: one direction's small model, or the whole model with its neuron sets."""

from __future__ import annotations

import shutil
from argparse import Namespace
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
from workflow_scripts.formats.folded import Kept, folded_state
from workflow_scripts.formats.small_fairseq import widths
from workflow_scripts.formats.transformers_sets import PROVENANCE, SETS, write_sets


@dataclass(frozen=True)
class Model:
    """A checkpoint with what surrounds it.

    `state` has fairseq's plain names, `args` its model options; `symbols` is the dictionary in order with languages'
    `tags`; `search` has `beam`, `length_penalty` and `max_length`; `provenance` is kept in `config.json`.
    """

    state: Mapping[str, Tensor]
    args: Namespace
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


def write_direction(folder: Path, model: Model, pair: Direction, kept: Kept) -> Written:
    """Write the model of `pair` into the existing `folder`: neurons `kept`, the constant of the others in fc2's bias.

    Narrow layers are filled up with neurons of zeros, as M2M100 has one width per component.
    """
    m2m100.check(model.state, model.args)
    wide = widths(model.args, kept)
    state = folded_state(model.state, kept, lambda component, _: wide[component])
    return _write(folder, model, state, pair)


def write_whole(folder: Path, model: Model, rows: Sequence[Mask] | None) -> Written:
    """Write the model as it is into the existing `folder`, and beside it the neuron sets of all directions, if any."""
    written = _write(folder, model, model.state, None)
    if rows:
        write_sets(folder / SETS, rows)
    return written


def provenance(version: str, checkpoint: str, pair: Direction | None, rows: Sequence[Mask] | None) -> dict:
    """What `config.json` says of the model's origin; `checkpoint` is its identity (`formats.checkpoint`)."""
    return {
        "version": version,
        "checkpoint": checkpoint,
        "masks": masks_digest(rows) if rows else None,
        "pair": str(pair) if pair else None,
    }


def _write(folder: Path, model: Model, state: Mapping[str, Tensor], pair: Direction | None) -> Written:
    config = m2m100.configuration(state, model.args)
    source, target = pair.tags if pair else (None, None)
    tokenizer, vocabulary = transformers_tokenizer.fast_tokenizer(
        model.sentencepiece, model.symbols, model.tags, source
    )
    tag = vocabulary.ids[target] if target else None
    write_json(folder / "config.json", config | {PROVENANCE: model.provenance})
    write_json(folder / "generation_config.json", m2m100.generation(config, model.args, model.search, tag))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = transformers_tokenizer.settings(model.tags, model.args.max_source_positions)
    write_json(folder / "tokenizer_config.json", settings)
    write_json(folder / "special_tokens_map.json", transformers_tokenizer.special_tokens(model.tags))
    shutil.copyfile(model.sentencepiece, folder / "sentencepiece.model")
    save_file(m2m100.weights(state), folder / "model.safetensors", metadata={"format": "pt"})
    # The library makes it for its owner's eyes alone.
    (folder / "model.safetensors").chmod((folder / "config.json").stat().st_mode)
    return Written(config["tie_word_embeddings"], vocabulary.beyond, vocabulary.normalizes)
