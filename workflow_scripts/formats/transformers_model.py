"""A fairseq Transformer as a `transformers` model: configuration and weights of `M2M100ForConditionalGeneration`.

That class holds exactly pre-norm Transformers with ReLU and sinusoidal positions; anything else is refused.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from workflow_scripts.errors import UserError

SPECIALS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
"""fairseq's order of special symbols: `<s>`, `<pad>`, `</s>`, and `<unk>` after them."""

UNKNOWN = 3

COMPONENTS = ("encoder", "decoder")

FOREIGN_OPTIONS = {
    "encoder_learned_pos": "learned positions",
    "decoder_learned_pos": "learned positions",
    "no_token_positional_embeddings": "no positions",
    "layernorm_embedding": "layernorm_embedding",
    "adaptive_input": "adaptive input",
    "adaptive_softmax_cutoff": "adaptive softmax",
    "character_embeddings": "character embeddings",
    "cross_self_attention": "cross_self_attention",
    "no_cross_attention": "no cross-attention",
    "no_decoder_final_norm": "no final norm of the decoder",
    "lang_tok_replacing_bos_eos": "language tags in place of the end of sentence",
}
FOREIGN_WEIGHTS = {
    "embed_positions.weight": "learned positions",
    "layernorm_embedding.weight": "layernorm_embedding",
    "project_in_dim.weight": "a projection of its embeddings",
    "project_out_dim.weight": "a projection of its outputs",
}


def check(state: Mapping[str, Tensor], args: Namespace) -> None:
    """Raise `UserError` for what M2M100 cannot hold; `state` has fairseq's plain names, `args` its model options."""
    found = [words for option, words in FOREIGN_OPTIONS.items() if getattr(args, option, None)]
    found += [f"post-norm {side} layers" for side in COMPONENTS if not getattr(args, f"{side}_normalize_before", False)]
    found += [
        words
        for name, words in FOREIGN_WEIGHTS.items()
        if words not in found and any(f"{side}.{name}" in state for side in COMPONENTS)
    ]
    found += [f"no final norm of the {side}" for side in COMPONENTS if f"{side}.layer_norm.weight" not in state]
    activation = getattr(args, "activation_fn", "relu")
    found += [f"the activation {activation}"] if activation != "relu" else []
    sizes = {state[f"{side}.embed_tokens.weight"].shape[1] for side in COMPONENTS}
    found += ["an encoder and a decoder of different widths"] if len(sizes) > 1 else []
    if found:
        reasons = ", ".join(dict.fromkeys(found))
        raise UserError(
            f"transformers has no class for this model ({reasons}): M2M100 holds pre-norm Transformers with ReLU and "
            "sinusoidal positions; export with --format ctranslate2 or fairseq"
        )


def shares_embeddings(state: Mapping[str, Tensor]) -> bool:
    """Whether encoder, decoder and output layer have one table, as transformers 4 takes for granted of M2M100."""
    table = state["decoder.embed_tokens.weight"]
    return all(torch.equal(table, state[name]) for name in ("encoder.embed_tokens.weight", _projection(state)))


def configuration(state: Mapping[str, Tensor], args: Namespace) -> dict[str, Any]:
    """`config.json` of the model of `state`; the FFN widths are those of its weights, equal within a component."""
    check(state, args)
    rows, width = state["encoder.embed_tokens.weight"].shape
    sizes: dict[str, Any] = {}
    for side in COMPONENTS:
        widths = [len(state[f"{side}.layers.{layer}.fc1.bias"]) for layer in range(_layers(side, state))]
        if len(set(widths)) > 1:
            raise ValueError(f"{side} layers have {widths} neurons, M2M100 has one width per component")
        sizes |= {
            f"{side}_layers": len(widths),
            f"{side}_ffn_dim": widths[0],
            f"{side}_attention_heads": getattr(args, f"{side}_attention_heads"),
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
        "scale_embedding": not getattr(args, "no_scale_embedding", False),
        "max_position_embeddings": max(args.max_source_positions, args.max_target_positions),
        "tie_word_embeddings": shares_embeddings(state),
        "dropout": float(getattr(args, "dropout", 0.1)),
        "attention_dropout": float(getattr(args, "attention_dropout", 0.0)),
        # fairseq's is in force during training only, and its old name is relu_dropout.
        "activation_dropout": float(getattr(args, "activation_dropout", 0.0)),
        "use_cache": True,
        **SPECIALS,
        # transformers 4 knows the older of the two names.
        "dtype": "float32",
        "torch_dtype": "float32",
    }


def weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `model.safetensors`, in float32, by M2M100's names.

    Where all embeddings are one table it is stored once. Where they are not, `model.shared` (which then computes
    nothing, but would be reported as missing) has the encoder's.
    """
    shared = shares_embeddings(state)
    tables = {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "decoder.output_projection.weight"}
    named = {
        f"model.{name}": tensor
        for name, tensor in state.items()
        if tensor.dim() and name not in tables and not name.endswith(("version", "_float_tensor"))
    }
    named["model.shared.weight"] = state["encoder.embed_tokens.weight"]
    if not shared:
        named |= {f"model.{side}.embed_tokens.weight": state[f"{side}.embed_tokens.weight"] for side in COMPONENTS}
        named["lm_head.weight"] = state[_projection(state)]
    # Copies: a file of safetensors cannot say that two tensors are one.
    return {name: tensor.detach().float().contiguous().clone() for name, tensor in named.items()}


def generation(
    config: Mapping[str, Any], args: Namespace, search: Mapping[str, Any], tag: int | None
) -> dict[str, Any]:
    """`generation_config.json`: beam search as `search` (`beam`, `length_penalty`, `max_length` in pieces) has it.

    `tag` is the id of the target language's tag, forced as the first token; None leaves that to the caller.
    """
    # fairseq counts neither the start nor the end of sentence.
    longest = min(search["max_length"], args.max_target_positions - 1) + 2
    forced = {} if tag is None else {"forced_bos_token_id": tag}
    return {
        **{name: config[name] for name in SPECIALS},
        **forced,
        "num_beams": search["beam"],
        "length_penalty": search["length_penalty"],
        "early_stopping": True,
        "max_length": longest,
        "do_sample": False,
    }


def _projection(state: Mapping[str, Tensor]) -> str:
    name = "decoder.output_projection.weight"
    return name if name in state else "decoder.embed_tokens.weight"


def _layers(side: str, state: Mapping[str, Tensor]) -> int:
    prefix = f"{side}.layers."
    return 1 + max(int(name.split(".")[2]) for name in state if name.startswith(prefix))
