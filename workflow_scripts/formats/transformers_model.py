"""A Transformer as a `transformers` model: configuration and weights of `M2M100ForConditionalGeneration`.

That class holds exactly pre-norm Transformers with ReLU and sinusoidal positions; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from workflow_scripts.errors import UserError
from workflow_scripts.formats.architecture import COMPONENTS, EMBEDDINGS, PROJECTION, Architecture

SPECIALS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
"""fairseq's order of special symbols: `<s>`, `<pad>`, `</s>`, and `<unk>` after them."""

UNKNOWN = 3


def refuses(architecture: Architecture) -> Iterator[str]:
    """What of a model M2M100 cannot hold."""
    sides = dict(architecture.components())
    positions = dict.fromkeys(side.positions for side in sides.values() if side.positions != "sinusoidal")
    yield from ({"learned": "learned positions", "none": "no positions"}[kind] for kind in positions)
    if architecture.embedding_norm:
        yield "layernorm_embedding"
    yield from architecture.foreign
    yield from (f"post-norm {name} layers" for name, side in sides.items() if not side.pre_norm)
    yield from (f"no final norm of the {name}" for name, side in sides.items() if not side.final_norm)
    if architecture.activation != "relu":
        yield f"the activation {architecture.activation}"
    if len({side.dim for side in sides.values()}) > 1:
        yield "an encoder and a decoder of different widths"


def check(architecture: Architecture) -> None:
    """Raise `UserError` for what M2M100 cannot hold."""
    if reasons := ", ".join(refuses(architecture)):
        raise UserError(
            f"transformers has no class for this model ({reasons}): M2M100 holds pre-norm Transformers with ReLU and "
            "sinusoidal positions"
        )


def configuration(state: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Any]:
    """`config.json` of the model of `state`; the FFN widths are those of its weights, equal within a component."""
    check(architecture)
    rows, width = state["encoder.embed_tokens.weight"].shape
    sizes: dict[str, Any] = {}
    for side, component in architecture.components():
        widths = [len(state[f"{side}.layers.{layer}.fc1.bias"]) for layer in range(component.layers)]
        if len(set(widths)) > 1:
            raise ValueError(f"{side} layers have {widths} neurons, M2M100 has one width per component")
        sizes |= {
            f"{side}_layers": len(widths),
            f"{side}_ffn_dim": widths[0],
            f"{side}_attention_heads": component.heads,
            # Its default is not zero.
            f"{side}_layerdrop": 0.0,
        }
    return {
        "architectures": ["M2M100ForConditionalGeneration"],
        "model_type": "m2m_100",
        "is_encoder_decoder": True,
        "vocab_size": rows,
        "d_model": width,
        **sizes,
        "activation_function": "relu",
        "scale_embedding": architecture.scaled_embeddings,
        "max_position_embeddings": max(architecture.max_source, architecture.max_target),
        "tie_word_embeddings": architecture.shared == "all",
        "dropout": architecture.dropout,
        "attention_dropout": architecture.attention_dropout,
        "activation_dropout": architecture.activation_dropout,
        "use_cache": True,
        **SPECIALS,
        # transformers 4 knows the older of the two names.
        "dtype": "float32",
        "torch_dtype": "float32",
    }


def weights(state: Mapping[str, Tensor], shared: bool) -> dict[str, Tensor]:
    """The tensors of `model.safetensors`, in float32, by M2M100's names.

    Where all embeddings are one table (`shared`) it is stored once. Where they are not, `model.shared` (which then
    computes nothing, but would be reported as missing) has the encoder's.
    """
    tables = {*map(EMBEDDINGS.format, COMPONENTS), PROJECTION}
    named = {f"model.{name}": tensor for name, tensor in state.items() if name not in tables}
    named["model.shared.weight"] = state["encoder.embed_tokens.weight"]
    if not shared:
        named |= {f"model.{side}.embed_tokens.weight": state[f"{side}.embed_tokens.weight"] for side in COMPONENTS}
        named["lm_head.weight"] = state[PROJECTION]
    # Copies: a file of safetensors cannot say that two tensors are one.
    return {name: tensor.detach().float().contiguous().clone() for name, tensor in named.items()}


def generation(config: Mapping[str, Any], longest: int, search: Mapping[str, Any], tag: int | None) -> dict[str, Any]:
    """`generation_config.json`: beam search as `search` (`beam`, `length_penalty`, `max_length` in pieces) has it.

    `longest` are the model's target positions; `tag` is the id of the target language's tag, forced as the first token,
    or None, which leaves that to the caller.
    """
    # fairseq counts neither the start nor the end of sentence.
    most = min(search["max_length"], longest - 1) + 2
    forced = {} if tag is None else {"forced_bos_token_id": tag}
    return {
        **{name: config[name] for name in SPECIALS},
        **forced,
        "num_beams": search["beam"],
        "length_penalty": search["length_penalty"],
        "early_stopping": True,
        "max_length": most,
        "do_sample": False,
    }
