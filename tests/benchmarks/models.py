"""Models, sentences and masks of a chosen size, for measuring: what the weights say does not matter."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from workflow_scripts.artifacts import Mask
from workflow_scripts.fairseq_plugin import compat  # noqa: F401 - before anything of fairseq

from fairseq.data import Dictionary, LanguagePairDataset  # isort: skip
from fairseq.models.transformer import TransformerModel, base_architecture  # isort: skip

DENSITY = 0.78
"""Share of neurons that k = 95 keeps, by the paper."""


@dataclass(frozen=True)
class Size:
    layers: int
    dim: int
    ffn_dim: int
    heads: int
    vocabulary: int

    def __str__(self) -> str:
        return f"{self.layers}+{self.layers} layers, d={self.dim}, F={self.ffn_dim}, {self.vocabulary} symbols"


SIZES = {
    "small": Size(2, 64, 256, 4, 1000),
    "base": Size(6, 512, 2048, 8, 8000),
    "big": Size(6, 1024, 4096, 16, 64000),
}


def dictionary(size: Size) -> Dictionary:
    made = Dictionary()
    for index in range(size.vocabulary - 6):
        made.add_symbol(f"w{index}")
    made.add_symbol("__en__")
    made.add_symbol("__de__")
    return made


def options(size: Size, **changed: Any) -> Namespace:
    """fairseq's model options, as the pipeline sets them but for those `changed`."""
    made = Namespace(
        encoder_layers=size.layers,
        decoder_layers=size.layers,
        encoder_embed_dim=size.dim,
        encoder_ffn_embed_dim=size.ffn_dim,
        encoder_attention_heads=size.heads,
        decoder_attention_heads=size.heads,
        encoder_normalize_before=True,
        decoder_normalize_before=True,
        share_decoder_input_output_embed=True,
        max_source_positions=256,
        max_target_positions=256,
        dropout=0.1,
        attention_dropout=0.1,
    )
    vars(made).update(changed)
    base_architecture(made)
    return made


def transformer(size: Size, seed: int = 1, **changed: Any) -> nn.Module:
    """Random weights, with biases unlike zero so that the dropped neurons' constants are at work."""
    torch.manual_seed(seed)
    symbols = dictionary(size)
    task = Namespace(source_dictionary=symbols, target_dictionary=symbols)
    model = TransformerModel.build_model(options(size, **changed), task)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("fc1.bias"):
                parameter.normal_(std=0.1)
    return model.eval()


TRANSLATOR = {
    "encoder_learned_pos": True,
    "decoder_learned_pos": True,
    "share_decoder_input_output_embed": False,
}
"""How a `translator`'s options differ from those of a `transformer`."""

PLACE, MARK = 0, 1
"""Dimensions of a `translator` that random weights leave alone: a position, and the sign of an end of sentence."""


def translator(size: Size) -> nn.Module:
    """A model whose hypotheses are about as long as their source, as those of a trained one are.

    Random weights alone never end, and would have engines compared by how they cut hypotheses off. Here the first head
    of the last cross-attention looks at the source's end and hands on its position; that of the decoder is held against
    it, and nothing but the end of sentence answers to the difference. Tied embeddings of random weights would repeat
    one symbol over and over: the output projection is one of its own.
    """
    model = transformer(size, **TRANSLATOR)
    encoder, decoder, look = model.encoder, model.decoder, model.decoder.layers[-1].encoder_attn
    first, end = encoder.padding_idx + 1, dictionary(size).eos()
    with torch.no_grad():
        _clear(model)
        encoder.embed_tokens.weight[end, MARK] = 20 / encoder.embed_scale
        encoder.embed_positions.weight[first:, PLACE] = 0.2 * torch.arange(encoder.max_positions())
        for projection in (look.q_proj, look.k_proj, look.v_proj):
            projection.weight[: look.head_dim] = 0
            projection.bias[: look.head_dim] = 0
        look.q_proj.bias[0] = 2 / look.scaling
        look.k_proj.weight[0, MARK] = look.v_proj.weight[0, PLACE] = 1
        look.out_proj.weight[:, 0] = 0
        look.out_proj.weight[PLACE, 0] = -1
        decoder.embed_positions.weight[first:, PLACE] = _ends(encoder, end)
        decoder.output_projection.weight[end, PLACE] = 100
    return model


def _clear(model: nn.Module) -> None:
    """Nothing writes to PLACE and MARK, and no symbol is read from them."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) or name.endswith("output_projection"):
            module.weight[:, [PLACE, MARK]] = 0
        elif name.endswith(("fc2", "out_proj")):
            module.weight[[PLACE, MARK]] = 0
            module.bias[[PLACE, MARK]] = 0


def _ends(encoder: nn.Module, end: int) -> torch.Tensor:
    """What the encoder says of an end's PLACE, for each position: measured at every 16th, linear in between."""
    count = encoder.max_positions()
    lasts = torch.arange(0, count, 16)
    words = torch.randint(end + 2, encoder.embed_tokens.num_embeddings - 2, (len(lasts), count))
    places = torch.arange(count)
    words[places == lasts[:, None]] = end
    words[places > lasts[:, None]] = encoder.padding_idx
    found = encoder(words, lasts + 1)["encoder_out"][0][lasts, torch.arange(len(lasts)), PLACE]
    return torch.from_numpy(np.interp(places, lasts, found))


def dataset(size: Size, count: int, seed: int) -> LanguagePairDataset:
    """`count` pairs of random words, tags in front, as long as translated text (median 22 pieces, alike in a pair)."""
    random = np.random.default_rng(seed)
    symbols = dictionary(size)

    def side(tag: str, lengths: np.ndarray) -> list[torch.Tensor]:
        first, last = [symbols.index(tag)], [symbols.eos()]
        return [torch.tensor([*first, *random.integers(4, size.vocabulary - 2, n), *last]) for n in lengths]

    def clipped(lengths: np.ndarray) -> np.ndarray:
        return np.clip(lengths.astype(int), 2, 100)

    lengths = clipped(random.lognormal(np.log(22), 0.55, count))
    sides = [side("__en__", lengths), side("__de__", clipped(lengths * random.lognormal(0, 0.15, count)))]
    sizes = [np.array([len(line) for line in lines]) for lines in sides]
    return LanguagePairDataset(
        sides[0], sizes[0], symbols, sides[1], sizes[1], symbols, left_pad_source=False, shuffle=False
    )


def batch(size: Size, tokens: int, seed: int, device: str = "cpu") -> dict[str, Any]:
    """One training batch of about `tokens` target tokens in sentences of similar length, on `device`."""
    pairs = dataset(size, 20 * max(8, tokens // 24), seed)
    # As fairseq batches them: neighbours in length, here around the median.
    order = np.lexsort((pairs.src_sizes, pairs.tgt_sizes))
    middle, half = len(order) // 2, max(4, tokens // 48)
    collated = pairs.collater([pairs[line] for line in order[middle - half : middle + half]])
    inputs = {name: value.to(device) for name, value in collated["net_input"].items()}
    return {"id": collated["id"].to(device), "net_input": inputs, "target": collated["target"].to(device)}


def masks(directions: Sequence[str], layers: int, ffn_dim: int, seed: int = 3) -> list[Mask]:
    """Random masks of the usual density."""
    random = np.random.default_rng(seed)
    return [
        Mask(pair, component, layer, ffn_dim, _draw(random, ffn_dim), 95.0, 0.95)
        for pair in directions
        for component in ("encoder", "decoder")
        for layer in range(layers)
    ]


def _draw(random: np.random.Generator, ffn_dim: int) -> np.ndarray:
    return np.sort(random.choice(ffn_dim, round(DENSITY * ffn_dim), replace=False)).astype(np.int32)
