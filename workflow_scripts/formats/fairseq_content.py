"""Named models in what fairseq's files hold, and back."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workflow_scripts.formats.architecture import Architecture, NamedModel
from workflow_scripts.formats.checkpoint import Checkpoint, weights
from workflow_scripts.formats.fairseq_settings import architecture_of, settings_of
from workflow_scripts.formats.format import Exported

TASK = {
    **dict.fromkeys(("lang_dict", "source_dict", "target_dict", "fixed_dictionary", "extra_data", "extra_lang_pairs")),
    **dict.fromkeys(("sampling_weights", "sampling_weights_from_file", "virtual_epoch_size", "virtual_data_size")),
    **dict.fromkeys(("keep_inference_langtok", "load_alignments", "truncate_source", "enable_lang_ids"), False),
    **dict.fromkeys(("lang_tok_replacing_bos_eos", "enable_reservsed_directions_shared_datasets"), False),
    "encoder_langtok": "src",
    "decoder_langtok": True,
    "lang_tok_style": "multilingual",
    "langtoks_specs": ["main"],
    "left_pad_source": "True",
    "left_pad_target": "False",
    "upsample_primary": 1,
    "sampling_method": "concat",
    "sampling_temperature": 1.5,
    "seed": 1,
}
"""What the multilingual task must find in the settings of a model that is not from fairseq."""
HISTORY = [{"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}]


def named(checkpoint: Checkpoint) -> NamedModel:
    """A checkpoint of fairseq as a named model, without fairseq's counters."""
    return NamedModel(
        architecture_of(checkpoint.args),
        weights(checkpoint.state),
        checkpoint.languages,
        checkpoint.provenance,
        {**checkpoint.config, "model": checkpoint.args},
    )


def as_checkpoint(path: Path, model: NamedModel) -> Checkpoint:
    """A named model, read from `path`, as a checkpoint of fairseq."""
    own = model.settings.get("model")
    args = own or Namespace(**settings_of(model.architecture), langs=model.languages)
    config = {section: values for section, values in model.settings.items() if section != "model"}
    state = with_counters(model.architecture, model.weights)
    return Checkpoint(path, state, args, model.languages, dict(model.provenance), config)


def with_counters(architecture: Architecture, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights, and the buffers that fairseq looks for beside them: the format's number, and dummies."""
    counters = {}
    for side, component in architecture.components():
        counters[f"{side}.version"] = torch.tensor([3.0])
        if component.positions == "sinusoidal":
            counters[f"{side}.embed_positions._float_tensor"] = torch.zeros(1)
    return {**weights, **counters}


def write_content(
    path: Path, exported: Exported, renamed: Callable[[NamedModel], Mapping[str, Tensor]] = attrgetter("weights")
) -> None:
    """Write a checkpoint of stock fairseq's multilingual task, weights in float32, called as `renamed` calls them."""
    architecture = exported.model.architecture
    own = exported.model.settings.get("model")
    settings: dict[str, Any] = {**settings_of(architecture), **TASK, **(vars(own) if own else {})}
    settings = {
        **settings,
        "arch": "transformer",
        "task": "translation_multi_simple_epoch",
        "source_lang": exported.pair.source if exported.pair else None,
        "target_lang": exported.pair.target if exported.pair else None,
        "lang_pairs": ",".join(map(str, exported.directions)),
        "langs": list(exported.manifest.languages),
        "langtoks": None,
        "data": ".",
        "user_dir": None,
        # A small model has other widths than the one it was made of.
        "encoder_ffn_embed_dim": architecture.encoder.ffn_dim,
        "decoder_ffn_embed_dim": architecture.decoder.ffn_dim,
    }
    for foreign in ("_name", "kind", "masks_file", "kind_settings", "freeze"):
        settings.pop(foreign, None)
    if settings.pop("loss_chunk", None):
        # The same loss by another name, which stock fairseq does not know.
        settings["criterion"] = "label_smoothed_cross_entropy"
    content = {
        "args": Namespace(**settings),
        "cfg": None,
        "model": with_counters(architecture, renamed(exported.model)),
        "optimizer_history": HISTORY,
        "extra_state": {},
        "last_optimizer_state": None,
    }
    torch.save(content, path)
