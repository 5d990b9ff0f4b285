"""fairseq checkpoints as files: read safely, in every naming the method's models come in, and written. torch alone."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workflow_scripts.errors import UserError
from workflow_scripts.files import digest, replacing
from workflow_scripts.formats.peek import PROVENANCE, model_settings

FAST_PATH_COPIES = (
    *("in_proj_weight", "in_proj_bias", "out_proj_weight", "out_proj_bias"),
    *("fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"),
)
"""Copies of an encoder layer's weights that fairseq keeps for its inference fast path; stale where they are found."""

ARCHITECTURE = (
    *("encoder_", "decoder_", "share_", "max_source_", "max_target_"),
    *("layernorm_", "no_scale_", "activation_fn"),
)
"""How the settings begin that make a model what it is; a continued training takes them from the one it starts from."""

BASE = "base"
"""Key of what made it under which a checkpoint of own parameters alone says where the rest is, and what it must be."""

COUNTERS = ("version", "_float_tensor")
"""Buffers in which fairseq keeps a format's number, and nothing (whatever memory held): no weights."""

# `torch.load` allows weights only, as it should; fairseq's checkpoints hold one foreign class.
torch.serialization.add_safe_globals([argparse.Namespace])


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint with plain weight names in fp32; `args` holds the model's settings by fairseq's names.

    `config` are fairseq's settings of everything, where it has them; `renamed` says whether it came in the published
    code's naming.
    """

    path: Path
    state: dict[str, Tensor]
    args: argparse.Namespace
    languages: list[str] | None
    provenance: dict[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)
    renamed: bool = False


def read_raw(path: str | Path, mapped: bool = False) -> dict[str, Any]:
    """What torch's safe loader gives; `mapped`, its tensors are read from the file when they are looked at.

    Raises `UserError` when the file is missing, damaged or holds foreign objects.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and zipfile.is_zipfile(path))
    except FileNotFoundError:
        raise UserError(f"checkpoint {path} does not exist") from None
    except Exception as error:  # a damaged or hostile file can make its parser fail in any way
        if foreign := _foreign(path):
            reason = f"it holds objects of {', '.join(foreign)}, which could run code"
        else:
            reason = f"it is damaged, or another kind of file ({type(error).__name__})"
        raise UserError(f"checkpoint {path} is not loaded: {reason}") from None


def _foreign(path: str | Path) -> list[str]:
    """Classes that a file names and that the safe loader refuses; none where it cannot be looked into."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # as above: what cannot be looked into is told as damaged
        return []


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint of plain fairseq, of this project, or of the published Neuron Specialization code.

    The latter names the weights of masked linear layers `global_weight`, keeps stale copies of the encoder's weights
    and leaves out the output projection that is tied to the embedding. Where own parameters alone were trained, the
    rest comes from the checkpoint that the file names. Raises `UserError` where that is missing or another by now.
    """
    raw = read_raw(path)
    args = model_settings(raw, path)
    state = {
        name.replace("global_weight", "weight"): weights.float() if weights.is_floating_point() else weights
        for name, weights in raw["model"].items()
        if not _is_copy(name)
    }
    tied = getattr(args, "share_decoder_input_output_embed", False)
    if tied and (embedding := state.get("decoder.embed_tokens.weight")) is not None:
        state.setdefault("decoder.output_projection.weight", embedding)
    renamed = any("global_weight" in name for name in raw["model"])
    carried = raw.get(PROVENANCE, {})
    if BASE in carried:
        state = {**_frozen(Path(path), carried[BASE]), **state}
    return Checkpoint(Path(path), state, args, _languages(args), carried, raw.get("cfg") or {}, renamed)


def base_of(start: Path, target: Path, identity: str) -> dict[str, str]:
    """What a checkpoint at `target` says of `start`, which has its frozen weights: the way there, and its identity."""
    return {"path": os.path.relpath(start, target.parent), "identity": identity}


def _frozen(path: Path, base: Mapping[str, str]) -> dict[str, Tensor]:
    """The frozen weights that go with the own parameters at `path`."""
    file = Path(os.path.normpath(path.parent / base["path"]))
    if not file.exists():
        raise UserError(
            f"checkpoint {path} holds own parameters alone: the frozen weights that go with them were in {file}, which "
            "does not exist; keep both where they lay to each other"
        )
    if identity(file) != base["identity"]:
        raise UserError(
            f"checkpoint {path} holds own parameters alone, and the frozen weights in {file} are not those that they "
            "were trained with: train the system again"
        )
    return read_checkpoint(file).state


def _languages(args: argparse.Namespace) -> list[str] | None:
    languages = getattr(args, "langs", None)
    return languages.split(",") if isinstance(languages, str) else languages


def architecture(args: argparse.Namespace) -> dict[str, Any]:
    """The settings by which models of the same weights could still differ: heads, norms, activation, positions …"""
    return {
        name: value
        for name, value in vars(args).items()
        if name.startswith(ARCHITECTURE) and not name.endswith("_langtok")
    }


def weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of a model's state what it computes with: no counters, dummies or stale copies."""
    return {
        name: tensor for name, tensor in state.items() if name.rpartition(".")[2] not in COUNTERS and not _is_copy(name)
    }


def weights_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of the weights, in whatever order and file: their names, types, shapes and bytes."""
    hashed = hashlib.sha256()
    for name, tensor in sorted(weights(state).items()):
        hashed.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        hashed.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy())
    return hashed.hexdigest()


def identity(path: str | Path) -> str:
    """SHA-256 of the model in a checkpoint: its weights, architecture and languages, but no history of the file.

    What is made with a checkpoint is made from this. Raises `UserError` where the file is no checkpoint.
    """
    raw = read_raw(path, mapped=True)
    args = model_settings(raw, path)
    shape = {name: repr(value) for name, value in architecture(args).items()}
    base = [raw[PROVENANCE][BASE]["identity"]] if BASE in raw.get(PROVENANCE, {}) else []
    return digest([weights_digest(raw["model"]), shape, _languages(args), *base])


def _is_copy(name: str) -> bool:
    parent, _, last = name.rpartition(".")
    return last in FAST_PATH_COPIES and parent.rpartition(".")[2].isdigit()


def publish(
    source: str | Path,
    target: str | Path,
    provenance: dict[str, Any],
    settings: Mapping[str, Any],
    base: Mapping[str, str] | None = None,
    own: Callable[[str], bool] = bool,
) -> None:
    """Write `source`'s weights and settings, without its optimizer, to `target`, with what made it. Where a `base`
    (`base_of`) has all others, the weights that are written are those that are its `own`, by name.

    Of the same weights and settings the file has the same bytes, however often training was interrupted or prolonged:
    `settings` are those that may have changed since `source` was written, as they are now.
    """
    raw = read_raw(source)
    if base:
        raw["model"] = {name: tensor for name, tensor in raw["model"].items() if own(name)}
        provenance = provenance | {BASE: dict(base)}
    kept = {
        "cfg": {name: _with(section, settings) for name, section in raw["cfg"].items()},
        "args": None,
        "model": _settled(raw["model"]),
        # Every start of a training adds an entry; what can be gone on with is the last.
        "optimizer_history": raw["optimizer_history"][-1:],
        "extra_state": {},
        "last_optimizer_state": None,
        PROVENANCE: provenance | {"weights_sha256": weights_digest(raw["model"])},
    }
    _save(kept, target)


def _save(content: dict[str, Any], target: str | Path) -> None:
    """Write a checkpoint whose bytes follow from its content alone."""
    # Given a name instead of an open file, torch would write that name into it.
    with replacing(target) as temporary, temporary.open("wb") as file:
        torch.save(_separate(content), file)


def _separate(value: Any) -> Any:
    """A copy in which containers are objects of their own and equal strings one: what is one object is written once."""
    match value:
        case str():
            return sys.intern(str(value))
        case dict():
            return {_separate(key): _separate(one) for key, one in value.items()}
        case list() | tuple():
            return type(value)(map(_separate, value))
        case argparse.Namespace():
            return argparse.Namespace(**_separate(vars(value)))
    return value


def _with(section: Any, settings: Mapping[str, Any]) -> Any:
    """A section of fairseq's configuration (a dict, a namespace or neither) with other values for the keys it has."""
    if isinstance(section, argparse.Namespace):
        return argparse.Namespace(**_with(vars(section), settings))
    return {**section, **{k: v for k, v in settings.items() if k in section}} if isinstance(section, dict) else section


def _settled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """`state` with zeros in fairseq's dummy buffers, which it never fills: what memory held would be in the file."""
    return {
        name: torch.zeros_like(tensor) if name.endswith("_float_tensor") else tensor for name, tensor in state.items()
    }


def write_plain(checkpoint: Checkpoint, model: nn.Module, target: Path, provenance: dict[str, Any]) -> None:
    """Write a checkpoint read from elsewhere with fairseq's own weight names."""
    content = {
        "cfg": {**checkpoint.config, "model": checkpoint.args},
        "args": None,
        "model": _settled(model.state_dict()),
    }
    history = [{"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}]
    rest = {"optimizer_history": history, "extra_state": {}, "last_optimizer_state": None, PROVENANCE: provenance}
    _save(content | rest, target)


def refuse_other_masks(checkpoint: Checkpoint, found: str | None) -> None:
    """Raise `UserError` when the checkpoint was trained under other masks than those with digest `found`."""
    expected = checkpoint.provenance.get("masks")
    if expected and expected != found:
        given = f"masks with digest {found[:12]}" if found else "no masks"
        raise UserError(
            f"checkpoint {checkpoint.path} was trained under masks with digest {expected[:12]} and is given {given}: "
            "decode it with the masks it was trained under"
        )


def refuse_other_vocabulary(checkpoint: Checkpoint, languages: Sequence[str], symbols: int, dictionary: Path) -> None:
    """Raise `UserError` when the checkpoint was trained with other languages, or another number of symbols.

    `symbols` counts those of `dictionary` and a tag per language.
    """
    if checkpoint.languages and checkpoint.languages != list(languages):
        raise UserError(
            f"checkpoint {checkpoint.path} was trained with languages {','.join(checkpoint.languages)}, the data has "
            f"{','.join(languages)}: list languages.codes in the checkpoint's order"
        )
    embedding = checkpoint.state.get("encoder.embed_tokens.weight")
    if embedding is None:
        raise UserError(f"checkpoint {checkpoint.path} is not an encoder-decoder Transformer: it has no encoder")
    if embedding.shape[0] != symbols:
        raise UserError(
            f"checkpoint {checkpoint.path} does not fit the data: it has {embedding.shape[0]} symbols, {dictionary} "
            f"with {len(languages)} language tags has {symbols}; use the data-bin it was trained with"
        )
