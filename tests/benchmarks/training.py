"""The FFN alone and a whole update: dense, published, ours."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

from tests.benchmarks import machine, models, published
from tests.benchmarks.profiles import where_time_goes
from workflow_scripts.layers.specialized_ffn import DirectionMasks, specialize

DIRECTIONS = ["en-de", "de-en"]


class Block(nn.Module):
    """A feed-forward block as a fairseq layer runs it."""

    def __init__(self, dim: int, ffn_dim: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, ffn_dim), nn.Linear(ffn_dim, dim)
        self.activation_fn = functional.relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.activation_fn(self.fc1(x)))


def ffn(dim: int, ffn_dim: int, positions: int, repetitions: int, device: str, dtype: torch.dtype) -> dict[str, float]:
    """Median seconds of forward and backward of one block over `positions`."""
    torch.manual_seed(0)
    blocks = {name: Block(dim, ffn_dim).to(device, dtype) for name in ("dense", "published", "gathered", "ours")}
    kept = torch.randperm(ffn_dim)[: round(models.DENSITY * ffn_dim)].sort().values.to(device)
    off = torch.ones(ffn_dim, dtype=torch.bool, device=device).index_fill_(0, kept, 0).nonzero()[:, 0]
    matrix = torch.zeros(ffn_dim, dim, dtype=torch.bool, device=device).index_fill_(0, kept, 1)
    blocks["published"].fc1 = published.MaskedLinear(blocks["published"].fc1, {"en-de": matrix})
    specialize(blocks["ours"]).keep(kept)
    x = torch.randn(positions // 32, 32, dim, device=device, dtype=dtype, requires_grad=True)
    grad = torch.randn_like(x)

    def gathered(y: torch.Tensor) -> torch.Tensor:
        """Plain indexing, for comparison: autograd scatters what it needs."""
        first, second = blocks["gathered"].fc1, blocks["gathered"].fc2
        constant = second.weight[:, off] @ functional.relu(first.bias[off]) + second.bias
        a = functional.relu(functional.linear(y, first.weight[kept], first.bias[kept]))
        return functional.linear(a, second.weight[:, kept], constant)

    def run(name: str) -> Callable[[], None]:
        forward = gathered if name == "gathered" else blocks[name]

        def task() -> None:
            x.grad = None
            blocks[name].zero_grad()
            forward(x).backward(grad)

        return task

    return machine.in_turn({name: run(name) for name in blocks}, repetitions)


class Trainer:
    """A model with its optimizer; `update` is one micro-batch, backward and a step of Adam."""

    def __init__(self, model: nn.Module, activate: Callable[[str], None]) -> None:
        self.model, self.activate, self.updates = model.train(), activate, 0
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-5, betas=(0.9, 0.98), eps=1e-6)

    def update(self, batch: dict[str, Any]) -> None:
        self.activate(DIRECTIONS[self.updates % 2])
        self.updates += 1
        self.optimizer.zero_grad()
        logits, _ = self.model(**batch["net_input"])
        flat, target = logits.flatten(0, 1).float(), batch["target"].flatten()
        functional.cross_entropy(flat, target, ignore_index=1, reduction="sum", label_smoothing=0.1).backward()
        self.optimizer.step()


def trainers(size: models.Size, device: str, dtype: torch.dtype) -> dict[str, Trainer]:
    """Three copies of one model: dense, published, ours."""
    dense = models.transformer(size).to(device, dtype)
    rows = models.masks(DIRECTIONS, size.layers, size.ffn_dim)
    plain, ours = copy.deepcopy(dense), copy.deepcopy(dense)
    linears = published.install(plain, rows)
    masks = DirectionMasks(ours, rows)

    def switch(direction: str) -> None:
        for linear in linears:
            linear.direction = direction

    return {
        "dense": Trainer(dense, lambda direction: None),
        "published": Trainer(plain, switch),
        "ours": Trainer(ours, masks.activate),
    }


def update(
    size: models.Size, tokens: int, repetitions: int, device: str, dtype: torch.dtype
) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """Median seconds per update, peak megabytes of an update, and a profile of one, per variant."""
    made = trainers(size, device, dtype)
    batch = models.batch(size, tokens, seed=5, device=device)
    tasks = {name: lambda trainer=trainer: trainer.update(batch) for name, trainer in made.items()}
    times = machine.in_turn(tasks, repetitions)
    memory = {}
    for name, task in tasks.items():
        with machine.peak() as found:
            task()
        memory[name] = found["megabytes"]
    return times, memory, {name: where_time_goes(task) for name, task in tasks.items()}
