"""What a model is, in no library's words: its sizes and switches, and its weights by name.

Weights are called `{component}.…` with component `encoder` or `decoder`: `embed_tokens.weight`,
`embed_positions.weight` (learned positions), `layernorm_embedding.*`, `layer_norm.*` (after the last layer), and per
layer `layers.N.` with `self_attn.{q,k,v,out}_proj.*`, `encoder_attn.{q,k,v,out}_proj.*` (decoder), `fc1.*`, `fc2.*`
and the norms `self_attn_layer_norm.*`, `encoder_attn_layer_norm.*`, `final_layer_norm.*`. There is
`decoder.output_projection.weight` in any case, be it the decoder's embeddings or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

COMPONENTS = ("encoder", "decoder")
EMBEDDINGS, PROJECTION = "{}.embed_tokens.weight", "decoder.output_projection.weight"


@dataclass(frozen=True)
class Component:
    """Encoder or decoder: number of layers and heads, widths d and F (of layers that are not made smaller).

    `pre_norm` says whether norms stand before attention and FFN, not behind; `final_norm` whether one follows the last
    layer. `positions` is how places are told apart.
    """

    layers: int
    dim: int
    ffn_dim: int
    heads: int
    pre_norm: bool
    final_norm: bool
    positions: Literal["sinusoidal", "learned", "none"]


@dataclass(frozen=True)
class Architecture:
    """An encoder-decoder Transformer; dropouts are those it was trained with.

    `max_source` and `max_target` count tokens with tag and end; `shared` names the tables that are one: the decoder's
    input and output (`decoder`), also the encoder's (`all`), or `none`. `foreign` are switches beyond these, by their
    name in the library they are from: who does not know one cannot hold the model.
    """

    encoder: Component
    decoder: Component
    max_source: int
    max_target: int
    shared: Literal["none", "decoder", "all"]
    activation: str
    scaled_embeddings: bool
    embedding_norm: bool
    dropout: float
    attention_dropout: float
    activation_dropout: float
    foreign: tuple[str, ...] = ()

    def components(self) -> Iterator[tuple[str, Component]]:
        """Encoder and decoder by name."""
        return ((name, getattr(self, name)) for name in COMPONENTS)


@dataclass(frozen=True)
class NamedModel:
    """What is read from a checkpoint of any format: architecture and weights (float32), and what else it said.

    `languages` are those of the model in order, where known; `provenance` what made it; `settings` fairseq's own, where
    it is from fairseq, which are kept for what is written for fairseq.
    """

    architecture: Architecture
    weights: Mapping[str, Tensor]
    languages: list[str] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
