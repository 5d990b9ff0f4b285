"""Reading and writing fairseq checkpoints: safely, in every naming the method's models come in."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import compat
from workflow_scripts.files import replacing, sha256
from workflow_scripts.manifest import Manifest

from fairseq.data import Dictionary  # isort: skip
from fairseq.data.multilingual.multilingual_utils import augment_dictionary, get_lang_tok  # isort: skip
from fairseq.models.transformer import TransformerModel, base_architecture  # isort: skip

PROVENANCE = "neuron_specialization"
"""Key of a checkpoint under which the project keeps what made it."""


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
    return last in compat.FAST_PATH_COPIES and parent.rpartition(".")[2].isdigit()


def read_dictionary(manifest: Manifest) -> Dictionary:
    """The data's dictionary with a tag per language at its end, as the multilingual task lays it out."""
    dictionary = Dictionary.load(str(manifest.dictionary))
    augment_dictionary(dictionary, manifest.languages, lang_tok_style="multilingual")
    return dictionary


def tag(language: str) -> str:
    """The tag of a language, `__de__`."""
    return get_lang_tok(language, lang_tok_style="multilingual")


def check_fit(checkpoint: Checkpoint, manifest: Manifest, dictionary: Dictionary) -> None:
    """Raise `UserError` when the checkpoint was trained with another dictionary or language list than the data's."""
    if checkpoint.languages and checkpoint.languages != manifest.languages:
        raise UserError(
            f"checkpoint {checkpoint.path} was trained with languages {','.join(checkpoint.languages)}, the data has "
            f"{','.join(manifest.languages)}: list languages.codes in the checkpoint's order"
        )
    embedding = checkpoint.state.get("encoder.embed_tokens.weight")
    if embedding is None:
        raise UserError(f"checkpoint {checkpoint.path} is not an encoder-decoder Transformer: it has no encoder")
    rows = embedding.shape[0]
    if rows != len(dictionary):
        raise UserError(
            f"checkpoint {checkpoint.path} does not fit the data: it has {rows} symbols, {manifest.dictionary} with "
            f"{len(manifest.languages)} language tags has {len(dictionary)}; use the data-bin it was trained with"
        )


def build_model(checkpoint: Checkpoint, dictionary: Dictionary) -> TransformerModel:
    """The Transformer of a checkpoint, in eval mode, fp32, on the CPU."""
    args = argparse.Namespace(**vars(checkpoint.args))
    base_architecture(args)
    task = argparse.Namespace(source_dictionary=dictionary, target_dictionary=dictionary)
    model = TransformerModel.build_model(args, task)
    # fairseq keeps its non-persistent counters in the state dict; they are not weights.
    try:
        missing, unexpected = model.load_state_dict(checkpoint.state, strict=False)
    except RuntimeError as error:
        raise UserError(
            f"checkpoint {checkpoint.path} does not hold the model its settings describe: {error}"
        ) from None
    problems = [*(f"no {name}" for name in missing), *(f"unknown {name}" for name in unexpected)]
    if problems := [problem for problem in problems if not problem.endswith(("version", "_float_tensor"))]:
        raise UserError(f"checkpoint {checkpoint.path} is not a Transformer of this kind: {', '.join(problems[:5])} …")
    return model.eval()


def load_model(path: str | Path, manifest: Manifest) -> tuple[TransformerModel, Dictionary, Checkpoint]:
    """Read, check against the data, and build: `(model, dictionary with tags, checkpoint)`."""
    checkpoint = read_checkpoint(path)
    dictionary = read_dictionary(manifest)
    check_fit(checkpoint, manifest, dictionary)
    return build_model(checkpoint, dictionary), dictionary, checkpoint


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


def device(name: str = "auto") -> torch.device:
    """`auto` is the first GPU where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def cast(model: nn.Module, precision: str) -> nn.Module:
    """The model in `fp32`, `fp16` or `bf16`."""
    return {"fp32": model.float, "fp16": model.half, "bf16": model.bfloat16}[precision]()
