"""Whether a checkpoint from elsewhere holds what its settings say, and weights that can be computed with.

Looked at before a model is made of it: what a damaged or hostile file asks for may take all memory, or no end.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workflow_scripts.errors import UserError
from workflow_scripts.formats.checkpoint import Checkpoint, read_raw, weights
from workflow_scripts.formats.peek import PROVENANCE, model_settings

CODE = ("formats.checkpoint", "formats.peek")
SIDES = ("encoder", "decoder")
SIZES = ("embed_dim", "ffn_embed_dim", "attention_heads")
MOST_POSITIONS = 10**6
OF_FAIRSEQ = ("fairseq", "published")
"""The formats whose files are of this kind."""


def check_content(path: Path) -> None:
    """Raise `UserError` where a checkpoint's parts are of other kinds than fairseq's, or sizes not its weights'.

    Weights are not read for it.
    """
    raw = read_raw(path, mapped=True)
    if isinstance(raw, Mapping):
        _check_kinds(path, raw)
    settings, state = model_settings(raw, path), raw["model"]
    for side in SIDES:
        _check_side(path, side, settings, state)
    if not _are_languages(getattr(settings, "langs", None)):
        raise UserError(f"{path}: its languages are {settings.langs!r}, not a list of names; export it anew")


def _check_kinds(path: Path, raw: Mapping[str, Any]) -> None:
    kinds = {"model": (dict,), "cfg": (dict, type(None)), "args": (dict, Namespace, type(None)), PROVENANCE: (dict,)}
    for key, allowed in kinds.items():
        if key in raw and not isinstance(raw[key], allowed):
            raise UserError(f"{path} is not a fairseq checkpoint: its `{key}` is {_kind(raw[key])}")
    if not isinstance((raw.get("cfg") or {}).get("model", {}), (dict, Namespace, type(None))):
        raise UserError(f"{path} is not a fairseq checkpoint: its `cfg.model` is {_kind(raw['cfg']['model'])}")
    for name, tensor in raw.get("model", {}).items():
        if not (isinstance(name, str) and isinstance(tensor, Tensor) and tensor.layout == torch.strided):
            raise UserError(f"{path} is not a fairseq checkpoint: {name!r} in its `model` is {_kind(tensor)}")
        if name.endswith("embed_tokens.weight") and tensor.dim() != 2:
            raise UserError(f"{path} is not a fairseq checkpoint: {name} has {tensor.dim()} dimensions, not 2")


def _check_side(path: Path, side: str, settings: Namespace, state: Mapping[str, Tensor]) -> None:
    numbers = {parts[2] for name in state if len(parts := name.split(".")) > 3 and parts[:2] == [side, "layers"]}
    layers = getattr(settings, f"{side}_layers", len(numbers))
    if type(layers) is not int or layers != len(numbers):
        raise UserError(
            f"checkpoint {path} does not hold the model its settings describe: {side}_layers is {layers!r}, and it has "
            f"weights of {len(numbers)} layers"
        )
    largest = max((size for tensor in state.values() for size in tensor.shape), default=0)
    limits = {f"{side}_{name}": largest for name in SIZES}
    limits |= dict.fromkeys(("max_source_positions", "max_target_positions"), MOST_POSITIONS)
    for name, most in limits.items():
        size = getattr(settings, name, None)
        if size is not None and (type(size) is not int or not 1 <= size <= most):
            raise UserError(
                f"checkpoint {path} does not hold the model its settings describe: {name} is {size!r}, not a whole "
                f"number from 1 to {most:,}"
            )


def _are_languages(value: Any) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, list) and {*map(type, value)} <= {str})


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}" if not isinstance(value, Tensor) else f"a tensor of the layout {value.layout}"


def check_numbers(checkpoint: Checkpoint) -> None:
    """Raise `UserError` for the first weights that are whole numbers, or not all finite."""
    for name, tensor in weights(checkpoint.state).items():
        where = f"checkpoint {checkpoint.path}: {name}"
        if not tensor.is_floating_point():
            raise UserError(f"{where} has {tensor.dtype} numbers, which are no weights; export it anew")
        if wrong := int(tensor.numel() - torch.isfinite(tensor).sum()):
            raise UserError(
                f"{where} has {wrong:,} of {tensor.numel():,} weights that are not a number, or infinite: the training "
                "it is from went wrong, or the file is damaged; take an earlier checkpoint"
            )
