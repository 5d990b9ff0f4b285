"""A fairseq Transformer's weights as a CTranslate2 model."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs.attention_spec import MultiHeadAttentionSpec
from ctranslate2.specs.common_spec import LayerNormSpec, LinearSpec
from ctranslate2.specs.transformer_spec import TransformerDecoderSpec, TransformerEncoderSpec, TransformerSpec
from torch import Tensor

from workflow_scripts.errors import UserError

PADDING = 1
"""fairseq's index of `<pad>`; positions are counted from the one after it."""

UNSUPPORTED = (
    "adaptive_input",
    "adaptive_softmax_cutoff",
    "character_embeddings",
    "cross_self_attention",
    "no_cross_attention",
    "lang_tok_replacing_bos_eos",
)


def convert(
    state: Mapping[str, Tensor], architecture: Namespace, dictionary: Sequence[str], compute_type: str, folder: Path
) -> None:
    """Write the model of `state` (fairseq's plain names) as a CTranslate2 model into the existing `folder`.

    `architecture` holds fairseq's model options, `dictionary` the symbols in order, language tags included. Widths of
    FFN layers are those of the weights. Raises `UserError` for options that CTranslate2 has no counterpart for.
    """
    _check(state, architecture, dictionary)
    encoder = TransformerEncoderSpec(
        *_shape("encoder", state, architecture), **_options("encoder", state, architecture)
    )
    decoder = TransformerDecoderSpec(
        *_shape("decoder", state, architecture), **_options("decoder", state, architecture)
    )
    spec = TransformerSpec(encoder, decoder)
    # CTranslate2 quantizes in place: it gets copies, the state serves the next direction.
    weights = {name: np.array(tensor.float().numpy(), copy=True) for name, tensor in state.items()}
    for component, part in (("encoder", encoder), ("decoder", decoder)):
        _fill(part, component, weights, architecture)
    projection = weights.get("decoder.output_projection.weight")
    decoder.projection.weight = weights["decoder.embed_tokens.weight"] if projection is None else projection
    symbols = ["<blank>" if symbol == "<pad>" else symbol for symbol in dictionary]
    spec.register_source_vocabulary(symbols)
    spec.register_target_vocabulary(symbols)
    spec.config.decoder_start_token = spec.config.eos_token
    spec.config.add_source_eos = True
    spec.validate()
    spec.optimize(quantization=compute_type)
    spec.save(str(folder))


def _check(state: Mapping[str, Tensor], architecture: Namespace, dictionary: Sequence[str]) -> None:
    for option in UNSUPPORTED:
        if getattr(architecture, option, None):
            raise UserError(f"CTranslate2 has no counterpart of the model option {option}: use decode.engine fairseq")
    activation = getattr(architecture, "activation_fn", "relu")
    if activation != "relu":
        raise UserError(f"the CTranslate2 engine is for ReLU models, this one uses {activation}: use engine fairseq")
    rows = state["decoder.embed_tokens.weight"].shape[0]
    if rows != len(dictionary):
        raise UserError(f"the checkpoint has {rows} embeddings, dictionary and tags have {len(dictionary)} symbols")


def _shape(component: str, state: Mapping[str, Tensor], architecture: Namespace) -> tuple[int, int]:
    """Number of layers and of attention heads."""
    prefix = f"{component}.layers."
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith(prefix))
    return layers, getattr(architecture, f"{component}_attention_heads")


def _options(component: str, state: Mapping[str, Tensor], architecture: Namespace) -> dict[str, Any]:
    return {
        "pre_norm": bool(getattr(architecture, f"{component}_normalize_before")),
        "no_final_norm": f"{component}.layer_norm.weight" not in state,
        "layernorm_embedding": f"{component}.layernorm_embedding.weight" in state,
    }


def _fill(
    spec: TransformerEncoderSpec | TransformerDecoderSpec,
    component: str,
    weights: Mapping[str, np.ndarray],
    architecture: Namespace,
) -> None:
    embeddings = spec.embeddings[0] if isinstance(spec.embeddings, list) else spec.embeddings
    embeddings.weight = weights[f"{component}.embed_tokens.weight"]
    width = embeddings.weight.shape[1]
    spec.scale_embeddings = 1.0 if getattr(architecture, "no_scale_embedding", False) else math.sqrt(width)
    spec.position_encodings.encodings = _positions(component, width, weights, architecture)
    for name in ("layer_norm", "layernorm_embedding"):
        if hasattr(spec, name):
            _norm(getattr(spec, name), f"{component}.{name}", weights)
    for index, layer in enumerate(spec.layer):
        prefix = f"{component}.layers.{index}."
        _attention(layer.self_attention, prefix + "self_attn", weights)
        if component == "decoder":
            _attention(layer.attention, prefix + "encoder_attn", weights)
        _norm(layer.ffn.layer_norm, prefix + "final_layer_norm", weights)
        _linear(layer.ffn.linear_0, [prefix + "fc1"], weights)
        _linear(layer.ffn.linear_1, [prefix + "fc2"], weights)


def _attention(spec: MultiHeadAttentionSpec, prefix: str, weights: Mapping[str, np.ndarray]) -> None:
    query, key, value = (f"{prefix}.{name}_proj" for name in "qkv")
    parts = [[query, key, value]] if prefix.endswith("self_attn") else [[query], [key, value]]
    for linear, names in zip(spec.linear, [*parts, [f"{prefix}.out_proj"]], strict=True):
        _linear(linear, names, weights)
    _norm(spec.layer_norm, f"{prefix}_layer_norm", weights)


def _linear(spec: LinearSpec, names: Sequence[str], weights: Mapping[str, np.ndarray]) -> None:
    """Several Linear modules as one, output after output."""
    spec.weight = np.concatenate([weights[f"{name}.weight"] for name in names])
    spec.bias = np.concatenate([weights[f"{name}.bias"] for name in names])


def _norm(spec: LayerNormSpec, name: str, weights: Mapping[str, np.ndarray]) -> None:
    spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _positions(component: str, width: int, weights: Mapping[str, np.ndarray], architecture: Namespace) -> np.ndarray:
    """Position encodings [positions, width]: learned, none, or fairseq's sines and cosines side by side."""
    count = max(architecture.max_source_positions, architecture.max_target_positions) + 1
    if getattr(architecture, "no_token_positional_embeddings", False):
        return np.zeros((count, width), dtype=np.float32)
    learned = weights.get(f"{component}.embed_positions.weight")
    if learned is not None:
        return learned[PADDING + 1 :]
    half = width // 2
    frequencies = np.exp(np.arange(half) * -(math.log(10000) / (half - 1)))
    angles = np.arange(PADDING + 1, PADDING + 1 + count)[:, None] * frequencies
    table = np.zeros((count, width), dtype=np.float32)
    table[:, :half], table[:, half : 2 * half] = np.sin(angles), np.cos(angles)
    return table
