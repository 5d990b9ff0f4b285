"""An M2M100 model of `transformers` as a named model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from workflow_scripts.errors import UserError
from workflow_scripts.files import as_written
from workflow_scripts.formats.architecture import (
    COMPONENTS,
    EMBEDDINGS,
    PROJECTION,
    Architecture,
    Component,
    NamedModel,
)
from workflow_scripts.formats.transformers_sets import PROVENANCE

BODY, SHARED, HEAD = "model.", "model.shared.weight", "lm_head.weight"
TAG = re.compile("__(.+)__")
POSITIONS = "embed_positions.weights"
"""End of the names of position encodings, which some files hold though they are always the same."""


def read_model(path: Path) -> NamedModel:
    """The model in the file `model.safetensors`, by its `config.json` and `tokenizer_config.json`.

    Raises `UserError` where one is missing or damaged, or the model is of another class.
    """
    with as_written(path.with_name("config.json")):
        return _read(path)


def _read(path: Path) -> NamedModel:
    config = _json(path.with_name("config.json"))
    if config.get("model_type") != "m2m_100":
        raise UserError(f"{path}: its config.json is of model type {config.get('model_type')}, only m2m_100 is read")
    tokenizer = _json(path.with_name("tokenizer_config.json"))
    with as_written(path.with_name("tokenizer_config.json")):
        special, longest = list(tokenizer.get("extra_special_tokens") or []), tokenizer.get("model_max_length")
        languages = [found[1] for text in special if (found := TAG.fullmatch(text))]
        longest = None if longest is None else int(longest)
    try:
        weights = _named(load_file(path))
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} is not loaded: it is damaged, or another kind of file ({error})") from None
    architecture = _architecture(config, longest, weights)
    return NamedModel(architecture, weights, languages or None, config.get(PROVENANCE) or {})


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: a model of transformers is a folder, with its configuration") from None
    except (ValueError, TypeError):
        raise UserError(f"{path} is damaged: it is not JSON, or no object") from None


def _named(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights by their neutral names, in float32; tables that are stored once are there for all that use them."""
    named = {
        name.removeprefix(BODY): tensor.float()
        for name, tensor in tensors.items()
        if name.startswith(BODY) and name != SHARED and not name.endswith(POSITIONS)
    }
    table = tensors.get(SHARED, tensors.get(HEAD))
    if table is None:
        raise UserError("the model has neither embeddings that are shared nor an output layer: it is none of M2M100")
    for side in COMPONENTS:
        named.setdefault(EMBEDDINGS.format(side), table.float())
    named[PROJECTION] = tensors.get(HEAD, table).float()
    return named


def _architecture(config: Mapping[str, Any], longest: int | None, weights: Mapping[str, Tensor]) -> Architecture:
    encoder, decoder = (
        Component(
            layers=config[f"{side}_layers"],
            dim=config["d_model"],
            ffn_dim=config[f"{side}_ffn_dim"],
            heads=config[f"{side}_attention_heads"],
            pre_norm=True,
            final_norm=True,
            positions="sinusoidal",
        )
        for side in COMPONENTS
    )
    positions = config["max_position_embeddings"]
    decoders, projection = weights[EMBEDDINGS.format("decoder")], weights[PROJECTION]
    tied = "decoder" if decoders.equal(projection) else "none"
    return Architecture(
        encoder=encoder,
        decoder=decoder,
        # The model has room for as many sources as translations; its tokenizer knows better.
        max_source=min(positions, longest or positions),
        max_target=positions,
        shared="all" if config.get("tie_word_embeddings", True) else tied,
        activation=config["activation_function"],
        scaled_embeddings=config["scale_embedding"],
        embedding_norm=False,
        dropout=config["dropout"],
        attention_dropout=config["attention_dropout"],
        activation_dropout=config["activation_dropout"],
    )
