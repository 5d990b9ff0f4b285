"""Statistics of feed-forward neurons, summed on the device where the model runs.

h is a neuron's value before the ReLU (fc1's output), a the one after it (fc2's input); a neuron is active where a > 0.
Over real positions: `count` of active ones, `count_even` those of sentences at even line numbers (from 0), `sum` Σa,
`sum_sq` Σa², `abs_pre` Σ|h|; `count_all` counts padding too, as the published code does. What leaves the device are
some numbers per neuron at the end; the memory taken does not grow with the text.
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

CHUNK = 2**19
"""Values of one layer looked at in one go: few enough to stay in a CPU's cache from one sum to the next."""
CHUNK_GPU = 2**23
"""The same on a GPU, which wants few and large pieces; 32 MB at most."""
BLOCK = 64
"""Rows of weights that are taken to float64 in one go."""
KINDS = 3
"""Kinds of positions that are counted apart: real ones of even and of odd sentences, and padding."""


class ActivationCounter:
    """Sums statistics of the neurons of every encoder and decoder layer while it is entered.

    `positions` are those seen so far, by kind (`real`, `all`, and `even`: real ones of even lines) and component.
    Raises `UserError` for a model whose activation function is not ReLU.
    """

    def __init__(self, model: nn.Module) -> None:
        self.layers = ffn_layers(model)
        for layer in self.layers.values():
            _refuse_other_activations(layer)
        self.positions = {kind: {"encoder": 0, "decoder": 0} for kind in ("real", "all", "even")}
        self.kinds: dict[str, Tensor] = {}
        self.real: dict[str, Tensor] = {}
        self.hooks: list[Any] = []
        # A row per sum: products with rows of activations are several times faster so than with their columns.
        self.fired = {key: _zeros(KINDS, layer.fc2, torch.int64) for key, layer in self.layers.items()}
        self.sums = {key: _zeros(2, layer.fc2, torch.float64) for key, layer in self.layers.items()}
        self.inputs = {key: _zeros(1, layer.fc1, torch.float64) for key, layer in self.layers.items()}
        self.buffers: dict[int, Tensor] = {}

    def __enter__(self) -> ActivationCounter:
        for key, layer in self.layers.items():
            self.hooks.append(layer.fc1.register_forward_pre_hook(self._before(key)))
            self.hooks.append(layer.fc2.register_forward_pre_hook(self._after(key)))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def expect(self, component: str, tokens: Tensor, padding: int, lines: Tensor) -> None:
        """The next pass of `component` runs over `tokens` [B, T]; `padding` is the index of the padding symbol.

        `lines` [B] are the numbers of the sentences.
        """
        real, even = tokens.t() != padding, lines % 2 == 0
        self.kinds[component] = torch.stack([real & even, real & ~even, ~real]).flatten(1).float()
        self.real[component] = real.flatten().float()
        self.positions["real"][component] += int(real.sum())
        self.positions["all"][component] += real.numel()
        self.positions["even"][component] += int((real & even).sum())

    def _before(self, key: Key) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def add(_: nn.Module, inputs: tuple[Tensor]) -> None:
            values = inputs[0].detach().flatten(0, 1)
            size = _positions(values)
            for chunk, real in zip(values.split(size), self.real[key[0]].split(size), strict=True):
                self.inputs[key][0] += torch.mv(chunk.float().t(), real)

        return add

    def _after(self, key: Key) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def add(_: nn.Module, inputs: tuple[Tensor]) -> None:
            values, fired, sums = inputs[0].detach().flatten(0, 1), self.fired[key], self.sums[key]
            size = _positions(values)
            parts = (values.split(size), self.kinds[key[0]].split(size, dim=1), self.real[key[0]].split(size))
            for chunk, kinds, real in zip(*parts, strict=True):
                chunk, buffer = chunk.float(), self._buffer(chunk, size)
                # 1 where a neuron fires: after a ReLU none is below zero. Sums of these below 2^24 are exact in fp32.
                fired += torch.mm(kinds, torch.sign(chunk, out=buffer)).long()
                sums[0] += torch.mv(chunk.t(), real)
                sums[1] += torch.mv(torch.mul(chunk, chunk, out=buffer).t(), real)

        return add

    def _buffer(self, values: Tensor, size: int) -> Tensor:
        """Room for a chunk [n, F] of at most `size` positions, one per width."""
        width = values.shape[1]
        if width not in self.buffers:
            self.buffers[width] = torch.empty(size, width, device=values.device)
        return self.buffers[width][: len(values)]

    def statistics(self) -> Statistics:
        """What was summed, and the norms of each neuron's row of W1 and column of W2."""
        found: Statistics = {}
        for key, layer in self.layers.items():
            even, odd, padding = self.fired[key]
            total, squares = self.sums[key]
            norms1, norms2, before = _of_weights(layer, self.inputs[key][0])
            # |h| = 2a - h, and the sum of h = W1 x + b1 needs that of the inputs alone.
            before += self.positions["real"][key[0]] * layer.fc1.bias.detach().double()
            found[key] = {
                "count": even + odd,
                "count_all": even + odd + padding,
                "count_even": even,
                "sum": total,
                "sum_sq": squares,
                "abs_pre": torch.maximum(2 * total - before, total),
                "w1_norm": norms1,
                "w2_norm": norms2,
            }
        return found


def _of_weights(layer: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Norms of the rows of W1 and of the columns of W2, and W1 times `inputs` [D]; [F] each, in float64.

    A block at a time: whole copies in float64 would leave the cache, and took most of the time of a short text.
    """
    norms, products = [], []
    for rows in layer.fc1.weight.detach().split(BLOCK):
        block = rows.double()
        norms.append(block.norm(dim=1))
        products.append(torch.mv(block, inputs))
    squares = torch.zeros_like(layer.fc2.weight[0], dtype=torch.float64)
    for rows in layer.fc2.weight.detach().split(BLOCK):
        block = rows.double().square_()
        squares += torch.mv(block.t(), block.new_ones(len(block)))
    return torch.cat(norms), squares.sqrt(), torch.cat(products)


def _positions(values: Tensor) -> int:
    """How many positions of `values` [n, F] make a chunk."""
    return max(1, (CHUNK if values.device.type == "cpu" else CHUNK_GPU) // values.shape[1])


def _zeros(rows: int, module: nn.Linear, dtype: torch.dtype) -> Tensor:
    """A column for every input of a layer."""
    return torch.zeros(rows, module.in_features, dtype=dtype, device=module.weight.device)


def _refuse_other_activations(layer: nn.Module) -> None:
    """Of other functions the sign does not say whether a neuron is active."""
    name = getattr(layer.activation_fn, "__name__", type(layer.activation_fn).__name__)
    if name.lower() != "relu":
        raise UserError(f"activations are counted in ReLU layers, this model uses {name}: take a model with ReLU")


def record(
    model: nn.Module, batches: Iterable[dict[str, Any]], padding: int, gradients: bool = False
) -> tuple[dict[Key, dict[str, NDArray[Any]]], dict[str, dict[str, int]]]:
    """Run teacher-forced `batches` (as `datasets.collate` makes them) through the model and sum up.

    Without `gradients` neither logits nor a loss are computed; with them one backward pass follows every batch.
    Returns, per `(component, layer)`, the statistics of an activation file, [F] each, and how many positions they are
    over, by kind (`real`, `all`, `even`) and component.
    """
    where = next(model.parameters()).device
    with ActivationCounter(model) as counter, Gradients(model, padding) if gradients else _no_gradients() as backward:
        for batch in batches:
            source, previous = (batch["net_input"][name].to(where) for name in ("src_tokens", "prev_output_tokens"))
            for component, tokens in (("encoder", source), ("decoder", previous)):
                counter.expect(component, tokens, padding, batch["id"].to(where))
                if backward:
                    backward.expect(component, tokens)
            encoded = model.encoder(source, src_lengths=batch["net_input"]["src_lengths"].to(where))
            states, _ = model.decoder(previous, encoder_out=encoded, features_only=True)
            if backward:
                backward.add(states, batch["target"].to(where))
        found = counter.statistics()
    for key, columns in backward.statistics().items() if backward else ():
        found[key] |= columns
    arrays = {key: {name: each.cpu().numpy() for name, each in columns.items()} for key, columns in found.items()}
    return arrays, counter.positions


@contextlib.contextmanager
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield None
