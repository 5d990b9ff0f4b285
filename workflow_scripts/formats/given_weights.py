"""Whether the weights of a checkpoint from elsewhere can be computed with."""

from __future__ import annotations

import torch

from workflow_scripts.errors import UserError
from workflow_scripts.formats.checkpoint import Checkpoint, weights

CODE = ("formats.checkpoint",)


def check_numbers(checkpoint: Checkpoint) -> None:
    """Raise `UserError` for the first weights that are whole numbers, or not all finite."""
    for name, tensor in weights(checkpoint.state).items():
        where = f"checkpoint {checkpoint.path}: {name}"
        if not tensor.is_floating_point():
            raise UserError(f"{where} has {tensor.dtype} numbers, which are no weights; export it anew")
        if wrong := int(tensor.numel() - torch.isfinite(tensor).sum()):
            raise UserError(
                f"{where} has {wrong:,} of {tensor.numel():,} weights that are not a number, or infinite: the training "
                "it is from went wrong, or the file is damaged; take an earlier checkpoint"
            )
