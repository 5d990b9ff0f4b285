"""The specialized feed-forward network: per direction a smaller dense FFN, equal to the masked one to rounding.

The method masks rows of fc1's weight, `FFN(h) = W2 relu((m * W1) h + b1) + b2`, so a neuron that is off still emits
the constant `relu(b1)`. Here only the kept neurons are computed, with the rows of W1 and columns of W2 gathered once
per layer and micro-batch, and what the others add is one vector: `c = b2 + W2 r`, `r = relu(b1)` where off, else 0.
Gradients are those of the masked formula: off rows of W1 get exactly zero, `b1`, `W2` and `b2` also get the constant's.
The small layers are filled up with silent neurons to a multiple of eight, as matrix products are a fifth faster then.

    masks = DirectionMasks(model, read_masks("masks/ns.parquet").rows)
    masks.activate("en-de")     # before each micro-batch; in eval the small weights are gathered once per direction
    masks.deactivate()          # the dense model again

Needs torch alone; works on any model whose `encoder.layers` and `decoder.layers` hold `fc1`, `fc2` and `activation_fn`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from workflow_scripts.errors import UserError

if TYPE_CHECKING:
    from workflow_scripts.artifacts import Mask

Key = tuple[str, int]
ALIGNMENT = 8


def ffn_layers(model: nn.Module) -> dict[Key, nn.Module]:
    """The layers of an encoder-decoder by `(component, layer)`, components `encoder` and `decoder`, layers from 0."""
    return {
        (component, index): layer
        for component in ("encoder", "decoder")
        for index, layer in enumerate(getattr(model, component).layers)
    }


def constant(bias1: Tensor, weight2: Tensor, bias2: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """What the neurons outside `kept` add to every position: `(r [F], c [d])` of the module's docstring."""
    r = functional.relu(bias1).index_fill_(0, kept, 0)
    return r, torch.addmv(bias2, weight2, r)


def _rows(weight: Tensor, kept: Tensor) -> Tensor:
    """The rows (or entries) `kept` of a weight, and zeros up to a multiple of `ALIGNMENT`."""
    return _filled(weight, 0, kept)


def _columns(weight: Tensor, kept: Tensor) -> Tensor:
    """The columns `kept` of a weight, and zeros up to a multiple of `ALIGNMENT`."""
    return _filled(weight, 1, kept)


def _filled(weight: Tensor, side: int, kept: Tensor) -> Tensor:
    count = len(kept)
    missing = -count % ALIGNMENT
    if not missing:
        return weight.index_select(side, kept)
    # Any index will do for what is set to zero.
    small = weight.index_select(side, functional.pad(kept, (0, missing)))
    small.narrow(side, count, missing).zero_()
    return small


def _flat(x: Tensor) -> Tensor:
    """[..., n] -> [positions, n], also when n = 0."""
    return x.reshape(x.shape[:-1].numel(), x.shape[-1])


class _KeptRows(torch.autograd.Function):
    """`x [..., d] -> x W1[kept]^T + b1[kept]`, shape [..., K], K filled up with zeros."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, kept: Tensor) -> Tensor:
        small = _rows(weight, kept).to(x.dtype)
        ctx.save_for_backward(x, small, kept)
        ctx.shape, ctx.dtype = weight.shape, weight.dtype
        return functional.linear(x, small, _rows(bias, kept).to(x.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, small, kept = ctx.saved_tensors
        flat = _flat(grad)
        rows = (flat.t() @ _flat(x)).to(ctx.dtype)
        weight = rows.new_zeros(ctx.shape).index_copy_(0, kept, rows[: len(kept)])
        bias = rows.new_zeros(ctx.shape[0]).index_copy_(0, kept, flat.sum(0).to(ctx.dtype)[: len(kept)])
        return grad @ small, weight, bias, None


class _KeptColumns(torch.autograd.Function):
    """`a [..., K] -> a W2[:, kept]^T + c`, shape [..., d]; `b1` comes in through the constant `c`."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, bias1: Tensor, weight: Tensor, bias: Tensor, kept: Tensor) -> Tensor:
        small = _columns(weight, kept).to(a.dtype)
        r, c = constant(bias1, weight, bias, kept)
        ctx.save_for_backward(a, small, weight, r, kept)
        return functional.linear(a, small, c.to(a.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        a, small, weight, r, kept = ctx.saved_tensors
        flat = _flat(grad)
        total = flat.sum(0).to(weight.dtype)
        columns = flat.t() @ _flat(a)
        # The outer product is zero at the kept columns, which are then written over.
        full = torch.outer(total, r).index_copy_(1, kept, columns[:, : len(kept)].to(weight.dtype))
        bias1 = (weight.t() @ total).mul_(r > 0)
        return grad @ small, bias1, full, total, None


class _Layer:
    """What the two Linear modules of one layer share: the kept neurons, and in eval the gathered small weights."""

    def __init__(self, fc1: nn.Linear, fc2: nn.Linear, dropout: nn.Module | None) -> None:
        self.fc1, self.fc2 = SpecializedFc1(fc1, self), SpecializedFc2(fc2, self)
        self.dropout = dropout
        self.kept: Tensor | None = None
        self.cache: tuple[Any, tuple[Tensor, ...]] | None = None

    def keep(self, kept: Tensor | None) -> None:
        self.kept, self.cache = kept, None

    @property
    def drops(self) -> bool:
        """Whether activation dropout is at work: it then drops the constants too, so all F activations are needed."""
        module = self.dropout
        return bool(module and module.p > 0 and (self.fc1.training or getattr(module, "apply_during_inference", False)))

    def gathered(self, dtype: torch.dtype) -> tuple[Tensor, ...]:
        """The small layer `(W1[kept], b1[kept], W2[:, kept], c)` in `dtype`, gathered anew when a weight changed."""
        weights = (self.fc1.weight, self.fc1.bias, self.fc2.weight, self.fc2.bias)
        state = (dtype, *((weight.data_ptr(), weight._version) for weight in weights))
        if self.cache is None or self.cache[0] != state:
            w1, b1, w2, b2 = weights
            c = constant(b1, w2, b2, self.kept)[1]
            small = (_rows(w1, self.kept), _rows(b1, self.kept), _columns(w2, self.kept), c)
            self.cache = (state, tuple(tensor.to(dtype) for tensor in small))
        return self.cache[1]


class _SharingLinear(nn.Linear):
    """A Linear with the very parameters (and names) of another, tied to its layer's shared state."""

    def __init__(self, dense: nn.Linear, shared: _Layer) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = dense.in_features, dense.out_features
        self.weight, self.bias = dense.weight, dense.bias
        self.shared = shared
        self.training = dense.training

    def train(self, mode: bool = True) -> _SharingLinear:
        # Between training and evaluation the optimizer may have written weights behind torch's version counters.
        self.shared.cache = None
        return super().train(mode)


class SpecializedFc1(_SharingLinear):
    """fc1: [..., d] -> [..., K], the kept neurons only ([..., F] without a direction or under activation dropout)."""

    def forward(self, x: Tensor) -> Tensor:
        kept = self.shared.kept
        if kept is None:
            return super().forward(x)
        x = _autocast(x)
        with torch.autocast(x.device.type, enabled=False):
            if not torch.is_grad_enabled() and not self.shared.drops:
                small = self.shared.gathered(x.dtype)
                return functional.linear(x, small[0], small[1])
            a = _KeptRows.apply(x, self.weight, self.bias, kept)
            if not self.shared.drops:
                return a
            return self.bias.to(a.dtype).expand(*a.shape[:-1], -1).index_copy(-1, kept, a[..., : len(kept)])


class SpecializedFc2(_SharingLinear):
    """fc2: [..., K] -> [..., d], the constant part of the other neurons included."""

    def forward(self, a: Tensor) -> Tensor:
        kept = self.shared.kept
        if kept is None or self.shared.drops:
            return super().forward(a)
        a = _autocast(a)
        with torch.autocast(a.device.type, enabled=False):
            if not torch.is_grad_enabled():
                small = self.shared.gathered(a.dtype)
                return functional.linear(a, small[2], small[3])
            return _KeptColumns.apply(a, self.shared.fc1.bias, self.weight, self.bias, kept)


def _autocast(x: Tensor) -> Tensor:
    """`x` in the dtype autocast would give a Linear's input."""
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x


def specialize(layer: nn.Module) -> _Layer:
    """Replace `layer.fc1` and `layer.fc2` in place (once); returns the state whose `keep(indices)` sets the neurons."""
    if isinstance(layer.fc1, SpecializedFc1):
        return layer.fc1.shared
    name = getattr(layer.activation_fn, "__name__", type(layer.activation_fn).__name__)
    if name.lower() != "relu":
        raise UserError(f"neurons are specialized for ReLU layers, this model uses {name}: set activation_fn to relu")
    shared = _Layer(layer.fc1, layer.fc2, getattr(layer, "activation_dropout_module", None))
    layer.fc1, layer.fc2 = shared.fc1, shared.fc2
    return shared


class DirectionMasks:
    """The masks of all directions of one model, a bit per neuron, and the one that is at work.

    `rows` (pair, component, layer, ffn_dim, neurons) name the kept neurons; a layer without a row stays dense.
    Raises `UserError` when a row does not fit the model.
    """

    def __init__(self, model: nn.Module, rows: Iterable[Mask]) -> None:
        self.layers = {key: specialize(layer) for key, layer in ffn_layers(model).items()}
        self.bits: dict[str, dict[Key, np.ndarray]] = {}
        self.active: str | None = None
        for row in rows:
            self._add(row)

    def _add(self, row: Mask) -> None:
        key, where = (row.component, row.layer), f"mask of {row.pair}, {row.component} layer {row.layer}"
        if key not in self.layers:
            raise UserError(f"{where}: the model has no such layer; the masks belong to another architecture")
        width = self.layers[key].fc1.out_features
        if row.ffn_dim != width:
            raise UserError(f"{where}: made for {row.ffn_dim} neurons, the model has {width}; use this model's masks")
        neurons = np.asarray(row.neurons)
        if neurons.size and not 0 <= neurons.min() <= neurons.max() < width:
            raise UserError(f"{where}: neurons must lie between 0 and {width - 1}; make the masks again")
        mask = np.zeros(width, dtype=bool)
        mask[neurons] = True
        self.bits.setdefault(row.pair, {})[key] = np.packbits(mask)

    @property
    def nbytes(self) -> int:
        """Bytes the masks of all directions take."""
        return sum(bits.nbytes for layers in self.bits.values() for bits in layers.values())

    def owners(self, direction: str) -> list[str]:
        """Nobody has parameters of their own."""
        return []

    def activate(self, direction: str) -> None:
        """Let the model be the one of `direction` (`en-de`) until the next call.

        Raises `UserError` when it has no masks.
        """
        if direction == self.active:
            return
        if direction not in self.bits:
            known = ", ".join(sorted(self.bits)) or "none"
            raise UserError(f"no masks for direction {direction} (there are: {known}); make masks that include it")
        masks = self.bits[direction]
        for key, layer in self.layers.items():
            layer.keep(self._indices(masks[key], layer.fc1) if key in masks else None)
        self.active = direction

    def deactivate(self) -> None:
        """Let the model be the dense one."""
        for layer in self.layers.values():
            layer.keep(None)
        self.active = None

    @staticmethod
    def _indices(bits: np.ndarray, fc1: nn.Linear) -> Tensor | None:
        kept = np.flatnonzero(np.unpackbits(bits, count=fc1.out_features))
        # A full set is the dense layer.
        return torch.from_numpy(kept).to(fc1.weight.device) if kept.size < fc1.out_features else None
