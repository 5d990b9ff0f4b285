"""Memory and time of one update at the shapes of a pretrained model, with random weights; by hand, on an idle machine.

    python -m tests.benchmarks.pretrained [--model nllb-600M] [--symbols N] [--tokens N] [--chunk N] [--freeze PART …]
    python -m tests.benchmarks.pretrained --shapes        # what follows from shapes alone, on torch's meta device
    python -m tests.benchmarks.pretrained --loss          # output layer and loss alone: whole, and in chunks

An update is forward, backward and Adam's step in float32 on the CPU, with masks of the paper's density; for NLLB-200
(600M) it has taken 13.9 GB of memory with `--tokens 512 --chunk 256`. Peak memory is the process's.
"""

from __future__ import annotations

import argparse
import resource
import time
from argparse import Namespace
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from tests.benchmarks import models
from workflow_scripts.layers.chunked_loss import smoothed_loss
from workflow_scripts.layers.freezing import PARTS, freeze
from workflow_scripts.layers.specialized_ffn import DirectionMasks

from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss  # isort: skip

SIZES = {
    "nllb-600M": models.Size(12, 1024, 4096, 16, 256_206),
    "m2m100-418M": models.Size(12, 1024, 4096, 16, 128_112),
    "big": models.SIZES["big"],
}
PRECISIONS = (("fp16", 2 + 2 + 4 + 4 + 8, 2), ("fp32", 4 + 4 + 8, 4))
"""Bytes of a weight that learns, and of one that does not.

With fairseq's fp16: itself, its gradient, both in float32 again, two moments.
"""


def build(size: models.Size, device: str) -> nn.Module:
    """The model, all embeddings one table, on `device`."""
    with torch.device(device):
        options = {"share_all_embeddings": True, "max_source_positions": 1024, "max_target_positions": 1024}
        return models.transformer(size, **options)


def shapes(size: models.Size, tokens: int, frozen: list[str]) -> str:
    """What memory follows from shapes alone."""
    model = build(size, "meta")
    learning, total = freeze(model, frozen)
    still, logits = total - learning, tokens * size.vocabulary
    lines = [
        f"{size}: {total / 1e6:,.0f} million weights, {learning / 1e6:,.0f} million of them learn",
        "weights, gradients, Adam: "
        + " GB, ".join(f"{name} {(each * learning + own * still) / 1e9:.1f}" for name, each, own in PRECISIONS)
        + " GB",
        f"logits of {tokens:,} tokens: fp16 {2 * logits / 1e9:.1f} GB, float32 {4 * logits / 1e9:.1f} GB, each copy",
    ]
    return "\n".join(lines)


def peak() -> float:
    """The most memory that this process has had, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def loss_of(model: nn.Module, batch: Namespace, chunk: int) -> torch.Tensor:
    """The smoothed loss of a batch; `chunk` 0 is as fairseq has it."""
    features, _ = model(batch.source, batch.lengths, batch.told, features_only=True)
    features = features.reshape(-1, features.shape[-1])
    return head(features, model.decoder.output_projection.weight, batch.target.reshape(-1), chunk)


def head(features: torch.Tensor, weight: torch.Tensor, target: torch.Tensor, chunk: int) -> torch.Tensor:
    """Output layer and loss."""
    if chunk:
        return smoothed_loss(features, weight, target, 0.1, 1, chunk)[0]
    logits = nn.functional.linear(features, weight)
    return label_smoothed_nll_loss(logits.log_softmax(-1), target, 0.1, ignore_index=1)[0]


def batch_of(size: models.Size, tokens: int, length: int = 32) -> Namespace:
    """Sentences of `length` pieces."""
    made = torch.Generator().manual_seed(1)
    shape = (max(tokens // length, 1), length)
    source, told, target = (torch.randint(4, size.vocabulary, shape, generator=made) for _ in range(3))
    return Namespace(source=source, lengths=torch.full((shape[0],), length), told=told, target=target)


def update(size: models.Size, args: argparse.Namespace) -> str:
    """One update, its time and the process's memory."""
    model = build(size, "cpu").train()
    learning, total = freeze(model, args.freeze)
    DirectionMasks(model, models.masks(["en-de"], size.layers, size.ffn_dim)).activate("en-de")
    optimizer = torch.optim.Adam((one for one in model.parameters() if one.requires_grad), lr=1e-4)
    before, batch = peak(), batch_of(size, args.tokens)
    for _ in range(args.updates):
        start = time.perf_counter()
        loss = loss_of(model, batch, args.chunk)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds = time.perf_counter() - start
    how = f"in chunks of {args.chunk}" if args.chunk else "whole"
    return (
        f"{size}, {learning / 1e6:,.0f} of {total / 1e6:,.0f} million weights learn, {batch.target.numel()} target "
        f"tokens, loss {how}: {seconds:.1f} s for the last update, {before:.1f} GB before, {peak():.1f} GB at most, "
        f"loss {float(loss.detach()) / batch.target.numel():.3f} a token"
    )


def median(run: Callable[[], object], repetitions: int) -> float:
    """Seconds."""
    found = []
    for _ in range(repetitions):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return float(np.median(found))


def losses(size: models.Size, args: argparse.Namespace) -> str:
    """Output layer and loss, forward and backward, in turn: whole, and in chunks."""
    torch.manual_seed(1)
    weight = (0.02 * torch.randn(size.vocabulary, size.dim)).requires_grad_()
    features = torch.randn(args.tokens, size.dim).requires_grad_()
    target = torch.randint(4, size.vocabulary, (args.tokens,))

    def once(chunk: int) -> None:
        weight.grad = features.grad = None
        head(features, weight, target, chunk).backward()

    lines = []
    # The lesser first: a process's peak never falls.
    for chunk in (args.chunk or 256, 0):
        base = peak()
        seconds = median(lambda chunk=chunk: once(chunk), args.repetitions)
        how = f"chunks of {chunk}" if chunk else "whole"
        lines.append(f"{how}: {seconds:.2f} s, peak {peak():.2f} GB (before {base:.2f})")
    return "\n".join([f"output layer and loss, {args.tokens} tokens × {size.vocabulary} symbols, d={size.dim}", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(SIZES), default="nllb-600M")
    parser.add_argument("--symbols", type=int, help="of a vocabulary that is kept in part")
    parser.add_argument("--tokens", type=int, default=512, help="target tokens of the micro-batch")
    parser.add_argument("--chunk", type=int, default=0, help="positions of a chunk of the loss; 0: whole")
    parser.add_argument("--freeze", nargs="*", choices=list(PARTS), default=[])
    parser.add_argument("--updates", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--shapes", action="store_true")
    parser.add_argument("--loss", action="store_true")
    args = parser.parse_args()
    size = SIZES[args.model]
    if args.symbols:
        size = models.Size(size.layers, size.dim, size.ffn_dim, size.heads, args.symbols)
    if args.shapes:
        print(shapes(size, args.tokens, args.freeze))
    elif args.loss:
        print(losses(size, args))
    else:
        print(update(size, args))


if __name__ == "__main__":
    main()
