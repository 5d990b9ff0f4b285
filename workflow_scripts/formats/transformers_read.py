"""An M2M100 model of `transformers` as a named model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
from workflow_scripts.formats.checkpoint import read_raw
from workflow_scripts.formats.transformers_files import CONFIG, INDEX, TOKENIZER, read_config, read_json, weight_files
from workflow_scripts.formats.transformers_sets import PROVENANCE

BODY, SHARED, HEAD = "model.", "model.shared.weight", "lm_head.weight"
TAG = re.compile("__(.+)__")
TABLES = (SHARED, HEAD, *(BODY + EMBEDDINGS.format(side) for side in COMPONENTS))
POSITIONS = "embed_positions.weights"
"""End of the names of position encodings, which some files hold though they are always the same."""


def read_model(path: Path) -> NamedModel:
    """The model in a folder, or in a file of weights whose configuration lies beside it.

    Weights are safetensors, or torch's own files, of which the safe loader takes tensors alone; they may be spread over
    several files. Raises `UserError` where one is missing or damaged, the model is of another class, or its weights are
    not those that its configuration describes.
    """
    folder = path if path.is_dir() else path.parent
    with as_written(folder / CONFIG):
        return _read(path, folder)


def _read(path: Path, folder: Path) -> NamedModel:
    config = read_config(folder)
    tokenizer = read_json(folder / TOKENIZER[1])
    files = [file for file in weight_files(path) if not file.name.endswith(INDEX)]
    tensors = {name: tensor for file in files for name, tensor in _tensors(file).items()}
    tied = bool(config.get("tie_word_embeddings", True))
    _check_shapes(path, config, tensors)
    _check_tables(path, tensors, tied)
    weights = _named(tensors, tied)
    with as_written(folder / TOKENIZER[1]):
        special, longest = list(tokenizer.get("extra_special_tokens") or []), tokenizer.get("model_max_length")
        languages = [found[1] for text in special if (found := TAG.fullmatch(text))]
        longest = None if longest is None else int(longest)
    architecture = _architecture(config, longest, weights, tied)
    return NamedModel(architecture, weights, languages or None, config.get(PROVENANCE) or {})


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".safetensors":
        found = read_raw(path, mapped=True)
        if not isinstance(found, dict) or not all(isinstance(one, Tensor) for one in found.values()):
            raise UserError(f"{path} is not a file of weights by name")
        return found
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} is not loaded: it is damaged, or another kind of file ({error})") from None


def weights_of(config: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every weight but the tables of embeddings."""
    d = config["d_model"]
    for side in COMPONENTS:
        norms = [f"{BODY}{side}.layer_norm"]
        for number in range(config[f"{side}_layers"]):
            layer = f"{BODY}{side}.layers.{number}"
            attentions = ["self_attn"] if side == "encoder" else ["self_attn", "encoder_attn"]
            norms += [f"{layer}.{name}_layer_norm" for name in (*attentions, "final")]
            widths = {f"{layer}.{one}.{part}_proj": (d, d) for one in attentions for part in ("q", "k", "v", "out")}
            f = config[f"{side}_ffn_dim"]
            for name, shape in {**widths, f"{layer}.fc1": (f, d), f"{layer}.fc2": (d, f)}.items():
                yield f"{name}.weight", shape
                yield f"{name}.bias", shape[:1]
        yield from ((f"{name}.{end}", (d,)) for name in norms for end in ("weight", "bias"))


def _check_shapes(path: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Raise `UserError` where weights are missing, of other shapes than configured, or unknown."""
    tables = [name for name in TABLES if name in tensors]
    wanted = dict(weights_of(config)) | dict.fromkeys(tables, (config["vocab_size"], config["d_model"]))
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items() if not name.endswith(POSITIONS)}
    if missing := [name for name in wanted if name not in found]:
        raise UserError(f"{path} lacks {len(missing)} weights that its {CONFIG} describes, {missing[0]} first")
    if unknown := [name for name in found if name not in wanted]:
        raise UserError(f"{path} has {len(unknown)} weights that no M2M100 of its {CONFIG} has, {unknown[0]} first")
    for name, shape in wanted.items():
        if found[name] != shape:
            raise UserError(f"{path}: {name} has the shape {found[name]}, its {CONFIG} describes {shape}")


def _check_tables(path: Path, tensors: Mapping[str, Tensor], tied: bool) -> None:
    """Raise `UserError` where a table of embeddings is missing, or there are several and the configuration says one."""
    there = [name for name in TABLES if name in tensors]
    if not there:
        raise UserError(f"{path} has no embeddings: neither {' nor '.join(TABLES)}")
    needed = [HEAD, *([] if SHARED in there else TABLES[2:])]
    if not tied and (lacking := next((name for name in needed if name not in there), None)):
        raise UserError(
            f"{path} lacks {lacking}: its {CONFIG} says that it is a table of its own (tie_word_embeddings)"
        )
    if tied:
        first, *others = there
        for name in others:
            if not tensors[name].equal(tensors[first]):
                raise UserError(
                    f"{path}: {name} differs from {first}, and its {CONFIG} says that all embeddings are one table "
                    "(tie_word_embeddings): one of the two is wrong"
                )


def _named(tensors: Mapping[str, Tensor], tied: bool) -> dict[str, Tensor]:
    """Weights by their neutral names, in float32; tables that are stored once are there for all that use them."""
    named = {
        name.removeprefix(BODY): tensor.float()
        for name, tensor in tensors.items()
        if name.startswith(BODY) and name != SHARED and not name.endswith(POSITIONS)
    }
    table = next(tensors[name] for name in TABLES if name in tensors).float()
    for side in COMPONENTS:
        named.setdefault(EMBEDDINGS.format(side), table)
    named[PROJECTION] = tensors[HEAD].float() if HEAD in tensors else table
    # Equal ones are one in memory, too.
    return named | dict.fromkeys(map(EMBEDDINGS.format, COMPONENTS), table) | {PROJECTION: table} if tied else named


def _architecture(
    config: Mapping[str, Any], longest: int | None, weights: Mapping[str, Tensor], tied: bool
) -> Architecture:
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
    shared = "decoder" if decoders.equal(projection) else "none"
    return Architecture(
        encoder=encoder,
        decoder=decoder,
        # The model has room for as many sources as translations; its tokenizer knows better.
        max_source=min(positions, longest or positions),
        max_target=positions,
        shared="all" if tied else shared,
        activation=config.get("activation_function", "relu"),
        scaled_embeddings=config.get("scale_embedding", True),
        embedding_norm=False,
        # What its configuration leaves out is as the class has it.
        dropout=config.get("dropout", 0.1),
        attention_dropout=config.get("attention_dropout", 0.1),
        activation_dropout=config.get("activation_dropout", 0.0),
    )
