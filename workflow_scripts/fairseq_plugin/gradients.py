"""What the loss says of neurons: sums of activations times gradients, by one backward pass of every batch.

The loss is the summed negative log-likelihood of the real target positions, without label smoothing, in eval mode.
a is a neuron's value after the ReLU, g the loss's gradient with respect to it, r = relu(b1) what a masked neuron gives.
Over real positions t, in float64:

- `taylor` Σ_t |a g| (Xie et al. 2021), `snip` |Σ_t a g| over all the text (Lee et al. 2019);
- `fisher` Σ_sentences (Σ_t a g)²: the squared gradient with respect to a factor on the neuron (Sung et al. 2021);
- `effect` Σ_t (r − a) g: the first-order change of the loss when this method masks the neuron.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workflow_scripts.layers.specialized_ffn import Key, ffn_layers

Statistics = dict[Key, dict[str, Tensor]]
CHUNK = 2**19
"""Values of one layer looked at in one go; bounds the memory for float64."""
LOGITS = 256
"""Positions whose logits are in memory at the same time."""


class Gradients:
    """Sums them while it is entered. No weight gets a gradient; the model must be in eval mode."""

    def __init__(self, model: nn.Module, padding: int) -> None:
        self.model, self.padding, self.layers = model, padding, ffn_layers(model)
        self.real: dict[str, Tensor] = {}
        self.hooks: list[Any] = []
        self.learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        # Σ|a g|, Σ a g, Σ_sentences (Σ a g)² and Σ g.
        self.sums = {
            key: torch.zeros(4, layer.fc2.in_features, dtype=torch.float64, device=layer.fc2.weight.device)
            for key, layer in self.layers.items()
        }

    def __enter__(self) -> Gradients:
        for parameter in self.learned:
            parameter.requires_grad_(False)
        self.hooks = [layer.fc2.register_forward_pre_hook(self._watch(key)) for key, layer in self.layers.items()]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()
        for parameter in self.learned:
            parameter.requires_grad_(True)

    def expect(self, component: str, tokens: Tensor) -> None:
        """The next pass of `component` runs over `tokens` [B, T]."""
        self.real[component] = (tokens != self.padding).t().double()

    def _watch(self, key: Key) -> Callable[[nn.Module, tuple[Tensor]], tuple[Tensor]]:
        def watch(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
            # As no weight learns, the first layer's is where the graph begins.
            values = inputs[0] if inputs[0].requires_grad else inputs[0].detach().requires_grad_()
            plain = values.detach()
            values.register_hook(lambda gradients: self._sum(key, plain, gradients))
            return (values,)

        return watch

    def add(self, states: Tensor, target: Tensor) -> None:
        """The batch that has just run: the decoder's last states [B, T, d], and the symbols [B, T] to be predicted."""
        real = target != self.padding
        gradients = torch.zeros_like(states)
        parts = zip(states.detach()[real].split(LOGITS), target[real].split(LOGITS), strict=True)
        gradients[real] = torch.cat([self._of_loss(part, symbols) for part, symbols in parts])
        states.backward(gradients)

    def _of_loss(self, states: Tensor, symbols: Tensor) -> Tensor:
        """The gradient of the loss of `symbols` [n] with respect to the decoder's last states [n, d]."""
        states.requires_grad_()
        scores = functional.log_softmax(self.model.decoder.output_layer(states).float(), dim=-1)
        return torch.autograd.grad(functional.nll_loss(scores, symbols, reduction="sum"), states)[0]

    def _sum(self, key: Key, values: Tensor, gradients: Tensor) -> None:
        """Add one layer's values and gradients, [T, B, F] each."""
        taylor, signed, fisher, plain = self.sums[key]
        sentences = torch.zeros(values.shape[1:], dtype=torch.float64, device=values.device)
        steps = max(1, CHUNK // sentences.numel())
        parts = (values.split(steps), gradients.split(steps), self.real[key[0]].split(steps))
        for a, g, real in zip(*parts, strict=True):
            g = g.double()
            products = (a * g).mul_(real[..., None])
            sentences += products.sum(dim=0)
            plain += torch.mv(g.flatten(0, 1).t(), real.flatten())
            taylor += products.abs_().sum(dim=(0, 1))
        signed += sentences.sum(dim=0)
        fisher += sentences.square_().sum(dim=0)

    def statistics(self) -> Statistics:
        """The statistics of the module's docstring, [F] each, by layer."""
        found: Statistics = {}
        for key, layer in self.layers.items():
            taylor, signed, fisher, plain = self.sums[key]
            masked = functional.relu(layer.fc1.bias.detach().double())
            effect = masked * plain - signed
            found[key] = {"taylor": taylor, "snip": signed.abs(), "fisher": fisher, "effect": effect}
        return found
