"""Counting, on the device where the model runs, how often each feed-forward neuron fires.

A neuron is active at a position when its value after the ReLU (the input of `fc2`) is above zero. What leaves the
device are F integers per layer at the end; the memory taken does not grow with the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workflow_scripts.errors import UserError
from workflow_scripts.layers.specialized_ffn import Key, ffn_layers

CHUNK = 1024
"""Positions looked at in one go; bounds the memory for the signs."""


class ActivationCounter:
    """Counts activations of every encoder and decoder layer while it is entered.

    `counts[(component, layer)]` is int64 [F] on the model's device. `positions` is `real` (padding does not count) or
    `all` (as the published code counts). Raises `UserError` for a model whose activation function is not ReLU.
    """

    def __init__(self, model: nn.Module, positions: str = "real") -> None:
        self.layers = ffn_layers(model)
        for layer in self.layers.values():
            _refuse_other_activations(layer)
        self.positions = positions
        self.seen = {"encoder": 0, "decoder": 0}
        self.real: dict[str, Tensor] = {}
        self.hooks: list[Any] = []
        self.counts = {
            key: torch.zeros(layer.fc2.in_features, dtype=torch.int64, device=layer.fc2.weight.device)
            for key, layer in self.layers.items()
        }
        self.signs: dict[int, Tensor] = {}

    def __enter__(self) -> ActivationCounter:
        self.hooks = [layer.fc2.register_forward_pre_hook(self._hook(key)) for key, layer in self.layers.items()]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def expect(self, component: str, tokens: Tensor, padding: int) -> None:
        """The next pass of `component` runs over `tokens` [B, T]; `padding` is the index of the padding symbol."""
        counted = (tokens.t() != padding) if self.positions == "real" else torch.ones_like(tokens.t(), dtype=torch.bool)
        self.real[component] = counted.reshape(-1).float()
        self.seen[component] += int(counted.sum())

    def _hook(self, key: Key) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def count(_: nn.Module, inputs: tuple[Tensor]) -> None:
            values = inputs[0].detach().flatten(0, 1)
            for chunk, real in zip(values.split(CHUNK), self.real[key[0]].split(CHUNK), strict=True):
                # Sums of zeros and ones below 2^24 are exact in fp32.
                self.counts[key] += torch.mv(self._fired(chunk).t(), real).long()

        return count

    def _fired(self, values: Tensor) -> Tensor:
        """1 where `values` [n, F] are above zero (after a ReLU none is below), as fp32 in one buffer per width."""
        width = values.shape[1]
        if width not in self.signs:
            self.signs[width] = torch.empty(CHUNK, width, device=values.device)
        buffer = self.signs[width][: len(values)]
        return torch.sign(values.float(), out=buffer)


def _refuse_other_activations(layer: nn.Module) -> None:
    """Of other functions the sign does not say whether a neuron is active."""
    name = getattr(layer.activation_fn, "__name__", type(layer.activation_fn).__name__)
    if name.lower() != "relu":
        raise UserError(f"activations are counted in ReLU layers, this model uses {name}: take a model with ReLU")


@torch.inference_mode()
def record(
    model: nn.Module, batches: Iterable[dict[str, Any]], padding: int, positions: str = "real"
) -> tuple[dict[Key, NDArray[np.int64]], dict[str, int]]:
    """Run teacher-forced `batches` (as `datasets.collate` makes them) through the model and count.

    Neither logits nor a loss are computed. Returns the counts, int64 [F] per `(component, layer)`, and the positions
    counted per component.
    """
    where = next(model.parameters()).device
    with ActivationCounter(model, positions) as counter:
        for batch in batches:
            source, previous = (batch["net_input"][name].to(where) for name in ("src_tokens", "prev_output_tokens"))
            counter.expect("encoder", source, padding)
            counter.expect("decoder", previous, padding)
            encoded = model.encoder(source, src_lengths=batch["net_input"]["src_lengths"].to(where))
            model.decoder(previous, encoder_out=encoded, features_only=True)
    return {key: counts.cpu().numpy() for key, counts in counter.counts.items()}, counter.seen
