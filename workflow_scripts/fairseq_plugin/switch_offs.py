"""What the loss does when single neurons are switched off, as masks switch them off: the truth behind `effect`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workflow_scripts.layers.specialized_ffn import Key, ffn_layers

Neuron = tuple[Key, int]
"""A component's layer, and the number of one of its neurons."""


@contextmanager
def off(model: nn.Module, neuron: Neuron) -> Iterator[None]:
    """While it is entered the neuron gives relu(b1) at every position, as one does that a mask leaves out."""
    key, number = neuron
    layer = ffn_layers(model)[key]
    constant = functional.relu(layer.fc1.bias.detach()[number])

    def switch(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        values = inputs[0].clone()
        values[..., number] = constant
        return (values,)

    handle = layer.fc2.register_forward_pre_hook(switch)
    try:
        yield
    finally:
        handle.remove()


@torch.inference_mode()
def loss(model: nn.Module, batches: Iterable[dict[str, Any]], padding: int) -> float:
    """Summed negative log-likelihood (nats) of the target symbols of `batches`, as `datasets.collate` makes them."""
    total, device = 0.0, next(model.parameters()).device
    for batch in batches:
        inputs = {name: each.to(device) for name, each in batch["net_input"].items()}
        logits, _ = model(**inputs)
        scores = functional.log_softmax(logits.double(), dim=-1).flatten(0, 1)
        total += float(
            functional.nll_loss(scores, batch["target"].to(device).flatten(), ignore_index=padding, reduction="sum")
        )
    return total


def changes(
    model: nn.Module,
    batches: Sequence[dict[str, Any]],
    padding: int,
    neurons: Sequence[Neuron],
    tell: Callable[[int], None],
) -> list[float]:
    """How much the `loss` grows when each of `neurons` alone is off; `tell` is told how many are done."""
    whole, found = loss(model, batches, padding), []
    for number, neuron in enumerate(neurons, start=1):
        with off(model, neuron):
            found.append(loss(model, batches, padding) - whole)
        tell(number)
    return found
