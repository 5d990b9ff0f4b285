"""The small dense model of one direction: kept neurons only, what the others emit folded into fc2's bias.

`FFN(h) = W2 relu((m * W1) h + b1) + b2` is, for a fixed direction, the smaller FFN of rows `W1[kept]`, `b1[kept]`,
columns `W2[:, kept]` and bias `b2 + W2[:, off] relu(b1[off])`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workflow_scripts.errors import UserError
from workflow_scripts.formats.architecture import Architecture, NamedModel

Kept = Mapping[tuple[str, int], NDArray[np.integer]]


def folded_state(state: Mapping[str, Tensor], kept: Kept, width: Callable[[str, int], int]) -> dict[str, Tensor]:
    """`state` (fairseq's plain names) with the FFN layers of `kept` replaced by their small ones, in float32.

    A layer of `n` kept neurons gets `width(component, n)`, at least `n`: the rest are zeros, which emit nothing.
    Layers that `kept` does not name stay as they are. Raises `UserError` when a layer is missing or too small.
    """
    small = dict(state)
    for (component, layer), neurons in kept.items():
        prefix = f"{component}.layers.{layer}."
        names = [prefix + name for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")]
        if any(name not in state for name in names):
            raise UserError(f"the checkpoint has no {component} layer {layer}; use masks made for this model")
        w1, b1, w2, b2 = (state[name].float() for name in names)
        if len(neurons) and not 0 <= min(neurons) <= max(neurons) < len(b1):
            raise UserError(f"{component} layer {layer}: the mask names neurons beyond {len(b1) - 1}: not this model's")
        index = torch.as_tensor(np.asarray(neurons, dtype=np.int64))
        constant = b1.relu().index_fill(0, index, 0)
        extra = width(component, len(index)) - len(index)
        replaced = (
            torch.cat([w1[index], w1.new_zeros(extra, w1.shape[1])]),
            torch.cat([b1[index], b1.new_zeros(extra)]),
            torch.cat([w2[:, index], w2.new_zeros(w2.shape[0], extra)], dim=1),
            torch.addmv(b2, w2, constant),
        )
        small.update(zip(names, replaced, strict=True))
    return small


def widths(architecture: Architecture, kept: Kept) -> dict[str, int]:
    """Neurons of the widest layer of each component; one that `kept` does not name stays as it is."""
    return {
        side: max(
            len(kept[side, layer]) if (side, layer) in kept else component.ffn_dim for layer in range(component.layers)
        )
        for side, component in architecture.components()
    }


def folded_model(model: NamedModel, kept: Kept, differ: bool) -> NamedModel:
    """The small model of a direction; its architecture's FFN widths are those of the widest layers.

    Where layers cannot `differ` in width, narrower ones are filled up with neurons of zeros.
    """
    wide = widths(model.architecture, kept)
    width = aligned if differ else (lambda component, _: wide[component])
    sides = {side: replace(one, ffn_dim=wide[side]) for side, one in model.architecture.components()}
    return replace(
        model,
        architecture=replace(model.architecture, **sides),
        weights=folded_state(model.weights, kept, width),
    )


def aligned(component: str, neurons: int) -> int:
    """A layer's width in CTranslate2, whose kernels prefer, and in part demand, multiples of eight."""
    return max(8, -(-neurons // 8) * 8)
