"""Output layer and label-smoothed loss a few positions at a time: logits of all are never in memory together.

With logits z = W h of V symbols, lse = log sum exp z and target t, fairseq's loss of a position is
`a (lse - z_t) + e (V lse - sum z)` with `e = smoothing / (V - 1)`, `a = 1 - smoothing - e`. Its gradient to z is
`(a + e V) softmax(z) - e`, less a at t. It is taken along with the loss, so nothing is computed twice; in fp16 it is
taken in the backward pass, where the factor is known by which losses are scaled so that small gradients are not zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor
from torch.autograd.function import once_differentiable


def smoothed_loss(
    features: Tensor, weight: Tensor, target: Tensor, smoothing: float, padding: int, chunk: int
) -> tuple[Tensor, Tensor]:
    """Sums over positions of the smoothed loss and of `-log p(target)` (without gradient), both in float32.

    `features` is [positions, d], `weight` [V, d], `target` [positions]; those that are `padding` count for nothing.
    At most `chunk` positions are looked at together.
    """
    real = target.ne(padding)
    # What is padding needs no logits at all.
    return _SmoothedLoss.apply(features[real], weight, target[real], smoothing, chunk)


class _SmoothedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, target: Tensor, smoothing: float, chunk: int
    ) -> tuple[Tensor, Tensor]:
        ctx.factors = factors(smoothing, len(weight))
        ctx.chunk, ctx.later = chunk, features.dtype == torch.float16
        needed = ctx.needs_input_grad[:2]
        grads = _Gradients(features, weight, ctx.factors, needed) if any(needed) and not ctx.later else None
        loss = features.new_zeros((), dtype=torch.float32)
        nll = loss.clone()
        for part in _parts(len(target), chunk):
            logits = functional.linear(features[part], weight).float()
            lse, own = logits.logsumexp(1), logits.gather(1, target[part, None]).squeeze(1)
            a, e = ctx.factors
            one = (lse - own).sum()
            nll += one
            loss += a * one + e * (len(weight) * lse.sum() - logits.sum())
            if grads:
                grads.add(part, logits, lse, target[part])
        kept = (grads.features, grads.weight) if grads else (features, weight)
        ctx.save_for_backward(target, *(one for one in kept if one is not None))
        ctx.there = [one is not None for one in kept]
        ctx.mark_non_differentiable(nll)
        return loss, nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        target, *saved = ctx.saved_tensors
        kept = [saved.pop(0) if there else None for there in ctx.there]
        if not ctx.later:
            return *(None if one is None else one * scale.to(one.dtype) for one in kept), None, None, None
        features, weight = kept
        grads = _Gradients(features, weight, ctx.factors, ctx.needs_input_grad[:2])
        for part in _parts(len(target), ctx.chunk):
            logits = functional.linear(features[part], weight).float()
            grads.add(part, logits, logits.logsumexp(1), target[part], scale)
        return grads.features, grads.weight, None, None, None


class _Gradients:
    """Gradients to features and weight, as far as they are needed, put together part by part."""

    def __init__(
        self, features: Tensor, weight: Tensor, factors: tuple[float, float], needed: tuple[bool, bool]
    ) -> None:
        self.inputs, self.table, self.factors = features, weight, factors
        self.features = torch.empty_like(features) if needed[0] else None
        self.weight = torch.zeros_like(weight) if needed[1] else None

    def add(self, part: slice, logits: Tensor, lse: Tensor, target: Tensor, scale: Tensor | None = None) -> None:
        """Add what the positions `part` say; `logits` are used up."""
        a, e = self.factors
        grad = logits.sub_(lse[:, None]).exp_().mul_(a + e * logits.shape[1]).sub_(e)
        grad[torch.arange(len(target), device=target.device), target] -= a
        grad = (grad if scale is None else grad.mul_(scale)).to(self.table.dtype)
        if self.features is not None:
            torch.mm(grad, self.table, out=self.features[part])
        if self.weight is not None:
            self.weight.addmm_(grad.t(), self.inputs[part])


def factors(smoothing: float, symbols: int) -> tuple[float, float]:
    """`(a, e)` of the module's docstring."""
    e = smoothing / (symbols - 1)
    return 1 - smoothing - e, e


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
