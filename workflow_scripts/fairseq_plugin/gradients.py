"""What the loss says of neurons: sums of activations times gradients, by one backward pass of every batch.

The loss is the summed negative log-likelihood of the real target positions, without label smoothing. a is a neuron's
value after the ReLU, g the loss's gradient with respect to it, r = relu(b1) what a masked neuron gives. In float64:

- `taylor` sum |a g| over positions (Xie et al. 2021), `snip` |sum a g| (Lee et al. 2019);
- `fisher` sum over sentences of (sum a g)^2: the squared gradient of a mask variable at 1 (Sung et al. 2021);
- `effect` sum (r - a) g: the first-order change of the loss when this method masks the neuron.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workflow_scripts.layers.specialized_ffn import Key, ffn_layers

Statistics = dict[Key, dict[str, Tensor]]
CHUNK = 16
"""Positions of all sentences looked at in one go; bounds the memory for float64."""


class Gradients:
    """Sums them while it is entered. No weight gets a gradient; the model must be in eval mode."""

    def __init__(self, model: nn.Module, padding: int) -> None:
        self.model, self.padding, self.layers = model, padding, ffn_layers(model)
        self.values: dict[Key, Tensor] = {}
        self.hooks: list[Any] = []
        self.needed = {parameter: parameter.requires_grad for parameter in model.parameters()}
        self.sums = {
            key: torch.zeros(4, layer.fc2.in_features, dtype=torch.float64, device=layer.fc2.weight.device)
            for key, layer in self.layers.items()
        }

    def __enter__(self) -> Gradients:
        self.model.requires_grad_(False)
        self.hooks = [layer.fc2.register_forward_pre_hook(self._keep(key)) for key, layer in self.layers.items()]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()
        for parameter, needed in self.needed.items():
            parameter.requires_grad_(needed)

    def _keep(self, key: Key) -> Callable[[nn.Module, tuple[Tensor]], tuple[Tensor]]:
        def keep(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
            # The first layer's is where the graph begins.
            values = inputs[0] if inputs[0].requires_grad else inputs[0].detach().requires_grad_()
            values.retain_grad()
            self.values[key] = values
            return (values,)

        return keep

    def add(self, states: Tensor, source: Tensor, previous: Tensor, target: Tensor) -> None:
        """The batch that has just run: the decoder's last states [B, T, d], and the tokens [B, T] of each side."""
        logits = self.model.decoder.output_layer(states)
        scores = functional.log_softmax(logits.float(), dim=-1).flatten(0, 1)
        functional.nll_loss(scores, target.flatten(), ignore_index=self.padding, reduction="sum").backward()
        real = {"encoder": (source != self.padding).t(), "decoder": (previous != self.padding).t()}
        for key, values in self.values.items():
            self._sum(key, values.detach(), values.grad, real[key[0]])
        self.values.clear()

    def _sum(self, key: Key, values: Tensor, gradients: Tensor, real: Tensor) -> None:
        masked = functional.relu(self.layers[key].fc1.bias.detach().double())
        taylor, snip, fisher, effect = self.sums[key]
        sentences = torch.zeros(values.shape[1:], dtype=torch.float64, device=values.device)
        for a, g, here in zip(values.split(CHUNK), gradients.split(CHUNK), real.split(CHUNK), strict=True):
            g = g.double() * here[..., None]
            products = a.double() * g
            taylor += products.abs().sum(dim=(0, 1))
            sentences += products.sum(dim=0)
            effect += masked * g.sum(dim=(0, 1)) - products.sum(dim=(0, 1))
        snip += sentences.sum(dim=0)
        fisher += sentences.square().sum(dim=0)

    def statistics(self) -> Statistics:
        """What was summed, by layer and name of the column."""
        return {
            key: {"taylor": sums[0], "snip": sums[1].abs(), "fisher": sums[2], "effect": sums[3]}
            for key, sums in self.sums.items()
        }
