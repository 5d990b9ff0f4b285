"""fairseq checkpoints as files: read safely, in every naming the method's models come in, and written. torch alone."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workflow_scripts.errors import UserError
from workflow_scripts.files import replacing, sha256

PROVENANCE = "neuron_specialization"
"""Key of a checkpoint under which the project keeps what made it."""

FAST_PATH_COPIES = (
    *("in_proj_weight", "in_proj_bias", "out_proj_weight", "out_proj_bias"),
    *("fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"),
)
"""Copies of an encoder layer's weights that fairseq keeps for its inference fast path; stale where they are found."""

# `torch.load` allows weights only, as it should; fairseq's checkpoints hold one foreign class.
torch.serialization.add_safe_globals([argparse.Namespace])


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint with plain weight names in fp32; `args` holds the model's settings by fairseq's names."""

    path: Path
    sha256: str
    state: dict[str, Tensor]
    args: argparse.Namespace
    languages: list[str] | None
    provenance: dict[str, Any]


def read_raw(path: str | Path) -> dict[str, Any]:
    """What torch's safe loader gives. Raises `UserError` when the file is missing, damaged or holds foreign objects."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
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
    except Exception:
        return []


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint of plain fairseq, of this project, or of the published Neuron Specialization code.

    The latter names the weights of masked linear layers `global_weight`, keeps stale copies of the encoder's weights
    and leaves out the output projection that is tied to the embedding.
    """
    raw = read_raw(path)
    if not isinstance(raw, dict) or "model" not in raw:
        raise UserError(f"{path} is not a fairseq checkpoint: it has no `model`")
    config = raw.get("cfg") or {}
    args = config.get("model") or raw.get("args")
    if args is None:
        raise UserError(f"{path} does not say what its model looks like (neither `cfg` nor `args`)")
    args = argparse.Namespace(**(args if isinstance(args, dict) else vars(args)))
    state = {
        name.replace("global_weight", "weight"): weights.float() if weights.is_floating_point() else weights
        for name, weights in raw["model"].items()
        if not _is_copy(name)
    }
    tied = getattr(args, "share_decoder_input_output_embed", False)
    if tied and (embedding := state.get("decoder.embed_tokens.weight")) is not None:
        state.setdefault("decoder.output_projection.weight", embedding)
    languages = getattr(args, "langs", None)
    languages = languages.split(",") if isinstance(languages, str) else languages
    return Checkpoint(Path(path), sha256(path), state, args, languages, raw.get(PROVENANCE, {}))


def _is_copy(name: str) -> bool:
    parent, _, last = name.rpartition(".")
    return last in FAST_PATH_COPIES and parent.rpartition(".")[2].isdigit()


def publish(source: str | Path, target: str | Path, provenance: dict[str, Any]) -> None:
    """Write `source`'s weights and settings, without its optimizer, to `target`, with what made it."""
    raw = read_raw(source)
    # The method's data does not depend on when training ran; the file must not either.
    kept = {
        "cfg": raw["cfg"],
        "args": None,
        "model": _settled(raw["model"]),
        "optimizer_history": raw["optimizer_history"],
    }
    # Given a name instead of an open file, torch would write that name into it.
    with replacing(target) as temporary, temporary.open("wb") as file:
        torch.save({**kept, "extra_state": {}, "last_optimizer_state": None, PROVENANCE: provenance}, file)


def _settled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """`state` with zeros in fairseq's dummy buffers, which it never fills: what memory held would be in the file."""
    return {
        name: torch.zeros_like(tensor) if name.endswith("_float_tensor") else tensor for name, tensor in state.items()
    }


def write_plain(checkpoint: Checkpoint, model: nn.Module, target: Path, provenance: dict[str, Any]) -> None:
    """Write a checkpoint read from elsewhere with fairseq's own weight names."""
    config = read_raw(checkpoint.path).get("cfg") or {}
    content = {"cfg": {**config, "model": checkpoint.args}, "args": None, "model": _settled(model.state_dict())}
    history = [{"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}]
    rest = {"optimizer_history": history, "extra_state": {}, "last_optimizer_state": None, PROVENANCE: provenance}
    with replacing(target) as temporary, temporary.open("wb") as file:
        torch.save(content | rest, file)


def refuse_other_masks(checkpoint: Checkpoint, found: str | None) -> None:
    """Raise `UserError` when the checkpoint was trained under other masks than those with digest `found`."""
    expected = checkpoint.provenance.get("masks")
    if expected and expected != found:
        given = f"masks with digest {found[:12]}" if found else "no masks"
        raise UserError(
            f"checkpoint {checkpoint.path} was trained under masks with digest {expected[:12]} and is given {given}: "
            "decode it with the masks it was trained under"
        )
