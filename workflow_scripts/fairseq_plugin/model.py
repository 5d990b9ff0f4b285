"""The model of a checkpoint: its dictionary, whether it fits the data, and the Transformer itself."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import compat  # noqa: F401 - before anything of fairseq
from workflow_scripts.formats.checkpoint import COUNTERS, Checkpoint, read_checkpoint, refuse_other_vocabulary
from workflow_scripts.training.provenance import refuse_other_format

from fairseq.data import Dictionary  # isort: skip
from fairseq.data.multilingual.multilingual_utils import augment_dictionary, get_lang_tok  # isort: skip
from fairseq.models.transformer import TransformerModel, base_architecture  # isort: skip


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
    refuse_other_vocabulary(checkpoint, manifest.languages, len(dictionary), manifest.dictionary)


def build_model(checkpoint: Checkpoint, dictionary: Dictionary) -> TransformerModel:
    """The Transformer of a checkpoint, in eval mode, fp32, on the CPU."""
    return filled(empty_model(checkpoint, dictionary), checkpoint)


def empty_model(checkpoint: Checkpoint, dictionary: Dictionary) -> TransformerModel:
    """The Transformer of a checkpoint without its weights."""
    args = argparse.Namespace(**vars(checkpoint.args))
    base_architecture(args)
    task = argparse.Namespace(source_dictionary=dictionary, target_dictionary=dictionary)
    return TransformerModel.build_model(args, task)


def filled(model: TransformerModel, checkpoint: Checkpoint) -> TransformerModel:
    """A model of a checkpoint's names with its weights, in eval mode. Raises `UserError` where they do not fit."""
    # fairseq keeps its non-persistent counters in the state dict; they are not weights.
    try:
        missing, unexpected = model.load_state_dict(checkpoint.state, strict=False)
    except RuntimeError as error:
        # A headline, and a line for each weight.
        _, first, *more = [line.strip() for line in f"{error}\n ".splitlines()]
        raise UserError(
            f"checkpoint {checkpoint.path} does not hold the model its settings describe: {first or error}"
            f"{f' … ({len(more)} like this)' if more else ''}"
        ) from None
    problems = [*(f"no {name}" for name in missing), *(f"unknown {name}" for name in unexpected)]
    if problems := [problem for problem in problems if not problem.endswith(COUNTERS)]:
        raise UserError(f"checkpoint {checkpoint.path} is not a Transformer of this kind: {', '.join(problems[:5])} …")
    return model.eval()


def load_model(path: str | Path, manifest: Manifest) -> tuple[TransformerModel, Dictionary, Checkpoint]:
    """Read a run's checkpoint, check it against the data, and build: `(model, dictionary with tags, checkpoint)`."""
    checkpoint = read_checkpoint(path)
    refuse_other_format(path, checkpoint.provenance)
    dictionary = read_dictionary(manifest)
    check_fit(checkpoint, manifest, dictionary)
    return build_model(checkpoint, dictionary), dictionary, checkpoint


def device(name: str = "auto") -> torch.device:
    """`auto` is the first GPU where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def cast(model: nn.Module, precision: str) -> nn.Module:
    """The model in `fp32`, `fp16` or `bf16`."""
    return {"fp32": model.float, "fp16": model.half, "bf16": model.bfloat16}[precision]()
