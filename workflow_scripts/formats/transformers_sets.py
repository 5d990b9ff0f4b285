"""The neuron sets of a run beside, and applied to, a `transformers` model.

model = M2M100ForConditionalGeneration.from_pretrained(FOLDER)
specialize(model, read_masks("results/demo/masks/ns.parquet"), Direction.parse("en-de"))
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import nn

from workflow_scripts.artifacts import Mask, Masks, masks_digest
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.layers.specialized_ffn import DirectionMasks, ffn_layers

SETS = "neuron_sets.safetensors"
PROVENANCE = "neuron_specialization"
"""Key of `config.json` under which an exported model keeps what it was made from."""


def packed(rows: Iterable[Mask]) -> dict[str, NDArray[np.uint8]]:
    """`{"en-de.encoder.0": kept neurons, a bit each, [ceil(F / 8)]}`; the first neuron is the highest bit."""
    found = {}
    for row in rows:
        bits = np.zeros(row.ffn_dim, dtype=bool)
        bits[row.neurons] = True
        found[f"{row.pair}.{row.component}.{row.layer}"] = np.packbits(bits)
    return found


def write_sets(path: Path, rows: Iterable[Mask]) -> None:
    """Write the neuron sets of all directions as safetensors."""
    path.write_bytes(save(packed(rows), metadata={"bit_order": "big", "names": "direction.component.layer"}))


def specialize(model: nn.Module, masks: Masks, direction: Direction) -> DirectionMasks:
    """Make a loaded M2M100 model the one of `direction`, in place; `deactivate()` of what is returned undoes it.

    Only the kept neurons are then computed, in training and in evaluation, with the model's own weights. Raises
    `UserError` when the masks lack the direction, do not fit the model, or are others than it was exported with.
    """
    expected = (getattr(model.config, PROVENANCE, None) or {}).get("masks")
    if expected and expected != masks_digest(masks.rows):
        raise UserError(
            f"the model was exported with masks of digest {expected[:12]}, these are others: take the masks of its run"
        )
    core = model.model
    for layer in ffn_layers(core).values():
        if not hasattr(layer, "activation_dropout_module"):
            # The class drops activations by a function; the specialized layers ask a module whether it does.
            layer.activation_dropout_module = nn.Dropout(layer.activation_dropout)
    found = DirectionMasks(core, [row for row in masks.rows if row.pair == str(direction)])
    found.activate(str(direction))
    return found
