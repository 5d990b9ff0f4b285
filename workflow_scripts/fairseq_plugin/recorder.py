"""Statistics of feed-forward neurons, summed on the device where the model runs.

A neuron is active at a position when its value after the ReLU (the input of `fc2`) is above zero. What leaves the
device are some numbers per neuron at the end; the memory taken does not grow with the batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin.gradients import Gradients, Statistics
from workflow_scripts.layers.specialized_ffn import Key, ffn_layers

CHUNK = 1024
"""Positions looked at in one go; bounds the memory for signs and squares."""
KINDS = 3
"""Kinds of positions that are counted apart: real ones of even and of odd sentences, and padding."""


class ActivationCounter:
    """Sums statistics of the neurons of every encoder and decoder layer while it is entered.

    `positions` is `real` (padding does not count) or `all` (as the published code counts), and says what `count` holds;
    all other statistics are of real positions, but for `count_all`. Raises `UserError` for a model whose activation
    function is not ReLU.
    """

    def __init__(self, model: nn.Module, positions: str = "real") -> None:
        self.layers = ffn_layers(model)
        for layer in self.layers.values():
            _refuse_other_activations(layer)
        self.positions = positions
        self.seen = {"encoder": 0, "decoder": 0}
        self.real_seen = {"encoder": 0, "decoder": 0}
        self.kinds: dict[str, Tensor] = {}
        self.hooks: list[Any] = []
        self.fired = {key: _zeros(layer.fc2, torch.int64, KINDS) for key, layer in self.layers.items()}
        self.sums = {key: _zeros(layer.fc2, torch.float64, 2) for key, layer in self.layers.items()}
        self.inputs = {key: _zeros(layer.fc1, torch.float64, 1) for key, layer in self.layers.items()}
        self.buffers: dict[int, Tensor] = {}

    def __enter__(self) -> ActivationCounter:
        for key, layer in self.layers.items():
            self.hooks.append(layer.fc1.register_forward_pre_hook(self._sum_inputs(key)))
            self.hooks.append(layer.fc2.register_forward_pre_hook(self._hook(key)))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def expect(self, component: str, tokens: Tensor, padding: int, lines: Tensor | None = None) -> None:
        """The next pass of `component` runs over `tokens` [B, T]; `padding` is the index of the padding symbol.

        `lines` [B] are the numbers of the sentences, from 0: those of even ones are also counted by themselves.
        """
        real = tokens.t() != padding
        even = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device) if lines is None else lines % 2 == 0
        self.kinds[component] = torch.stack([real & even, real & ~even, ~real], dim=-1).flatten(0, 1).float()
        self.real_seen[component] += int(real.sum())
        self.seen[component] += tokens.numel() if self.positions == "all" else int(real.sum())

    def _sum_inputs(self, key: Key) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def add(_: nn.Module, inputs: tuple[Tensor]) -> None:
            real = self.kinds[key[0]][:, :2].sum(dim=1)
            self.inputs[key][:, 0] += torch.mv(inputs[0].detach().flatten(0, 1).float().t(), real)

        return add

    def _hook(self, key: Key) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def count(_: nn.Module, inputs: tuple[Tensor]) -> None:
            values = inputs[0].detach().flatten(0, 1)
            for chunk, kinds in zip(values.split(CHUNK), self.kinds[key[0]].split(CHUNK), strict=True):
                chunk, real = chunk.float(), kinds[:, 0] + kinds[:, 1]
                buffer = self._buffer(chunk)
                self.sums[key][:, 0] += torch.mv(chunk.t(), real)
                self.sums[key][:, 1] += torch.mv(torch.mul(chunk, chunk, out=buffer).t(), real)
                # 1 where a neuron fires: after a ReLU none is below zero. Sums of these below 2^24 are exact in fp32.
                self.fired[key] += torch.mm(torch.sign(chunk, out=buffer).t(), kinds).long()

        return count

    def _buffer(self, values: Tensor) -> Tensor:
        """Room for a chunk [n, F], one per width."""
        width = values.shape[1]
        if width not in self.buffers:
            self.buffers[width] = torch.empty(CHUNK, width, device=values.device)
        return self.buffers[width][: len(values)]

    def statistics(self) -> Statistics:
        """What was summed, by layer and name of the column."""
        found: Statistics = {}
        for key, layer in self.layers.items():
            even, odd, padding = self.fired[key].unbind(dim=1)
            total, squares = self.sums[key].unbind(dim=1)
            weight1, weight2 = layer.fc1.weight.detach().double(), layer.fc2.weight.detach().double()
            # |h| = 2 relu(h) - h, and the sum of h = W1 x + b1 needs that of the inputs alone.
            before = weight1 @ self.inputs[key][:, 0] + self.real_seen[key[0]] * layer.fc1.bias.detach().double()
            found[key] = {
                "count": even + odd + padding if self.positions == "all" else even + odd,
                "count_all": even + odd + padding,
                "count_even": even,
                "sum": total,
                "sum_sq": squares,
                "abs_pre": (2 * total - before).clamp(min=0),
                "w1_norm": weight1.norm(dim=1),
                "w2_norm": weight2.norm(dim=0),
            }
        return found


def _zeros(module: nn.Linear, dtype: torch.dtype, columns: int) -> Tensor:
    """A row for every input of a layer."""
    return torch.zeros(module.in_features, columns, dtype=dtype, device=module.weight.device)


def _refuse_other_activations(layer: nn.Module) -> None:
    """Of other functions the sign does not say whether a neuron is active."""
    name = getattr(layer.activation_fn, "__name__", type(layer.activation_fn).__name__)
    if name.lower() != "relu":
        raise UserError(f"activations are counted in ReLU layers, this model uses {name}: take a model with ReLU")


def record(
    model: nn.Module, batches: Iterable[dict[str, Any]], padding: int, positions: str = "real", gradients: bool = False
) -> tuple[dict[Key, dict[str, NDArray[Any]]], dict[str, int]]:
    """Run teacher-forced `batches` (as `datasets.collate` makes them) through the model and sum up.

    Without `gradients` neither logits nor a loss are computed; with them one backward pass of every batch follows.
    Returns per `(component, layer)` the columns of an activation file, [F] each, and the positions counted per
    component.
    """
    where = next(model.parameters()).device
    with ActivationCounter(model, positions) as counter, Gradients(model, padding) if gradients else _none() as sums:
        for batch in batches:
            source, previous = (batch["net_input"][name].to(where) for name in ("src_tokens", "prev_output_tokens"))
            lines = batch["id"].to(where)
            counter.expect("encoder", source, padding, lines)
            counter.expect("decoder", previous, padding, lines)
            with contextlib.nullcontext() if sums else torch.inference_mode():
                encoded = model.encoder(source, src_lengths=batch["net_input"]["src_lengths"].to(where))
                states, _ = model.decoder(previous, encoder_out=encoded, features_only=True)
                if sums:
                    sums.add(states, source, previous, batch["target"].to(where))
    found = counter.statistics()
    for key, columns in (sums.statistics() if sums else {}).items():
        found[key] |= columns
    arrays = {key: {name: each.cpu().numpy() for name, each in columns.items()} for key, columns in found.items()}
    return arrays, counter.seen


@contextlib.contextmanager
def _none() -> Iterator[None]:
    yield None
