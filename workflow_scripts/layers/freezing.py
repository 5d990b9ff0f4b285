"""Parts of a Transformer that training leaves as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from torch import nn

PARTS = {
    "embeddings": r"\.(embed_tokens|embed_positions|layernorm_embedding|output_projection)\.",
    "attention": r"\.(self_attn|encoder_attn)\.",
    "norms": r"layer_norm\.",
    "encoder": r"^encoder\.",
    "decoder": r"^decoder\.",
}
"""What the names of their weights hold; a table that both sides share is frozen with either."""


def freeze(model: nn.Module, parts: Iterable[str]) -> tuple[int, int]:
    """Let nothing of `parts` learn. How many weights do, and how many there are; each table counts once."""
    patterns = [re.compile(PARTS[part]) for part in parts]
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if any(pattern.search(name) for pattern in patterns):
            parameter.requires_grad_(False)
    sizes = [(one.numel(), one.requires_grad) for one in model.parameters()]
    return sum(size for size, learns in sizes if learns), sum(size for size, _ in sizes)
