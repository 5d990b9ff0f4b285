"""A Transformer's encoder and decoder as CTranslate2's specifications, weights filled in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ctranslate2.specs.attention_spec import MultiHeadAttentionSpec
from ctranslate2.specs.common_spec import LayerNormSpec, LinearSpec
from ctranslate2.specs.transformer_spec import TransformerDecoderSpec, TransformerEncoderSpec
from numpy.typing import NDArray
from torch import Tensor

from workflow_scripts.formats.architecture import PROJECTION, Architecture, Component

PADDING = 1
"""fairseq's index of `<pad>`; positions are counted from the one after it."""

NARROWEST = 8
"""Outputs of the narrowest product that CTranslate2 has kernels for."""


def encoder_spec(state: Mapping[str, Tensor], architecture: Architecture) -> TransformerEncoderSpec:
    """The encoder of `state`, whose names are those of `formats.architecture`."""
    spec = TransformerEncoderSpec(*_shape(architecture.encoder), **_options(architecture.encoder, architecture))
    _fill(spec, "encoder", _weights("encoder", state), architecture)
    return spec


def decoder_spec(state: Mapping[str, Tensor], architecture: Architecture) -> TransformerDecoderSpec:
    """The decoder of `state` with its output projection, which may be its embeddings, too."""
    weights = _weights("decoder", state)
    spec = TransformerDecoderSpec(*_shape(architecture.decoder), **_options(architecture.decoder, architecture))
    _fill(spec, "decoder", weights, architecture)
    spec.projection.weight = weights[PROJECTION]
    return spec


def lookup_spec(outputs: NDArray[np.float32], longest: int) -> TransformerEncoderSpec:
    """An encoder that gives out row `i` of `outputs` [rows, d] for symbol `i`, in sentences of up to `longest` symbols.

    CTranslate2 demands a layer: here is one that adds zeros to what comes in.
    """
    width = outputs.shape[1]
    spec = TransformerEncoderSpec(1, 1, no_final_norm=True, head_dim=NARROWEST)
    spec.embeddings[0].weight = outputs
    spec.scale_embeddings = 1.0
    spec.position_encodings.encodings = _zeros(longest, width)
    (layer,) = spec.layer
    products = {
        layer.self_attention.linear[0]: (3 * NARROWEST, width),
        layer.self_attention.linear[1]: (width, NARROWEST),
        layer.ffn.linear_0: (NARROWEST, width),
        layer.ffn.linear_1: (width, NARROWEST),
    }
    for linear, shape in products.items():
        linear.weight, linear.bias = _zeros(*shape), _zeros(shape[0])
    for norm in (layer.self_attention.layer_norm, layer.ffn.layer_norm):
        norm.gamma, norm.beta = _zeros(width), _zeros(width)
    return spec


def _zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)


def _weights(component: str, state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Copies: CTranslate2 quantizes in place, and the state serves the next direction."""
    return {
        name: np.array(tensor.float().numpy(), copy=True)
        for name, tensor in state.items()
        if name.startswith(f"{component}.")
    }


def _shape(component: Component) -> tuple[int, int]:
    """Number of layers and of attention heads."""
    return component.layers, component.heads


def _options(component: Component, architecture: Architecture) -> dict[str, Any]:
    return {
        "pre_norm": component.pre_norm,
        "no_final_norm": not component.final_norm,
        "layernorm_embedding": architecture.embedding_norm,
    }


def _fill(
    spec: TransformerEncoderSpec | TransformerDecoderSpec,
    component: str,
    weights: Mapping[str, np.ndarray],
    architecture: Architecture,
) -> None:
    embeddings = spec.embeddings[0] if isinstance(spec.embeddings, list) else spec.embeddings
    embeddings.weight = weights[f"{component}.embed_tokens.weight"]
    width = embeddings.weight.shape[1]
    spec.scale_embeddings = math.sqrt(width) if architecture.scaled_embeddings else 1.0
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


def _positions(component: str, width: int, weights: Mapping[str, np.ndarray], architecture: Architecture) -> np.ndarray:
    """Position encodings [positions, width]: learned, none, or sines and cosines side by side."""
    count = max(architecture.max_source, architecture.max_target) + 1
    match getattr(architecture, component).positions:
        case "none":
            return _zeros(count, width)
        case "learned":
            return weights[f"{component}.embed_positions.weight"][PADDING + 1 :]
    half = width // 2
    frequencies = np.exp(np.arange(half) * -(math.log(10000) / (half - 1)))
    angles = np.arange(PADDING + 1, PADDING + 1 + count)[:, None] * frequencies
    table = _zeros(count, width)
    table[:, :half], table[:, half : 2 * half] = np.sin(angles), np.cos(angles)
    return table
