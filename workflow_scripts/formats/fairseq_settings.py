"""The architecture of a model in fairseq's settings, and back."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from workflow_scripts.formats.architecture import COMPONENTS, Architecture, Component

FOREIGN = (
    *("adaptive_input", "adaptive_softmax_cutoff", "character_embeddings"),
    *("cross_self_attention", "no_cross_attention", "lang_tok_replacing_bos_eos"),
)
"""Switches that no neutral architecture has."""
PROJECTED = ("decoder_input_dim", "decoder_output_dim")
"""Widths of embeddings that, where they are others than the decoder's, are brought to it by a projection."""


def architecture_of(args: Namespace) -> Architecture:
    """The architecture that a model's settings describe; what they leave out is as in fairseq's base architecture."""
    given = {name: value for name, value in vars(args).items() if value is not None}
    encoder, decoder = (_component(side, given) for side in COMPONENTS)
    tied = "decoder" if given.get("share_decoder_input_output_embed") else "none"
    found = [name for name in FOREIGN if given.get(name)]
    found += [name for name in PROJECTED if given.get(name, decoder.dim) != decoder.dim]
    return Architecture(
        encoder=encoder,
        decoder=decoder,
        max_source=given.get("max_source_positions", 1024),
        max_target=given.get("max_target_positions", 1024),
        shared="all" if given.get("share_all_embeddings") else tied,
        activation=given.get("activation_fn", "relu"),
        scaled_embeddings=not given.get("no_scale_embedding", False),
        embedding_norm=bool(given.get("layernorm_embedding", False)),
        dropout=float(given.get("dropout", 0.1)),
        attention_dropout=float(given.get("attention_dropout", 0.0)),
        # fairseq's is in force during training only, and its old name is relu_dropout.
        activation_dropout=float(given.get("activation_dropout", 0.0)),
        foreign=tuple(found),
    )


def _component(side: str, given: Mapping[str, Any]) -> Component:
    dim, ffn_dim = (
        given.get(f"{side}_{name}", given.get(f"encoder_{name}", default))
        for name, default in (("embed_dim", 512), ("ffn_embed_dim", 2048))
    )
    pre_norm = bool(given.get(f"{side}_normalize_before", False))
    learned = "learned" if given.get(f"{side}_learned_pos") else "sinusoidal"
    return Component(
        layers=given.get(f"{side}_layers", 6),
        dim=dim,
        ffn_dim=ffn_dim,
        heads=given.get(f"{side}_attention_heads", 8),
        pre_norm=pre_norm,
        final_norm=pre_norm and not (side == "decoder" and given.get("no_decoder_final_norm")),
        positions="none" if given.get("no_token_positional_embeddings") else learned,
    )


def settings_of(architecture: Architecture) -> dict[str, Any]:
    """fairseq's settings of an architecture; the opposite of `architecture_of`."""
    sides: dict[str, Any] = {}
    for side, one in architecture.components():
        sides |= {
            f"{side}_layers": one.layers,
            f"{side}_embed_dim": one.dim,
            f"{side}_ffn_embed_dim": one.ffn_dim,
            f"{side}_attention_heads": one.heads,
            f"{side}_normalize_before": one.pre_norm,
            f"{side}_learned_pos": one.positions == "learned",
        }
    decoder = architecture.decoder
    return {
        **sides,
        "decoder_input_dim": decoder.dim,
        "decoder_output_dim": decoder.dim,
        "no_decoder_final_norm": decoder.pre_norm and not decoder.final_norm,
        "no_token_positional_embeddings": decoder.positions == "none",
        "max_source_positions": architecture.max_source,
        "max_target_positions": architecture.max_target,
        "share_all_embeddings": architecture.shared == "all",
        "share_decoder_input_output_embed": architecture.shared != "none",
        "activation_fn": architecture.activation,
        "no_scale_embedding": not architecture.scaled_embeddings,
        "layernorm_embedding": architecture.embedding_norm,
        "dropout": architecture.dropout,
        "attention_dropout": architecture.attention_dropout,
        "activation_dropout": architecture.activation_dropout,
    }
