"""What each further statistic of neurons costs: counts alone, sums beside them, and a backward pass.

`python -m tests.benchmarks.neuron_statistics --size base` prints medians of ratios of runs that took turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.benchmarks import machine, models, report
from workflow_scripts.fairseq_plugin.recorder import CHUNK, ActivationCounter, record
from workflow_scripts.layers.specialized_ffn import Key

PADDING = 1


class Counts(ActivationCounter):
    """Nothing but how often each neuron fired over real positions."""

    def __enter__(self) -> ActivationCounter:
        self.hooks = [layer.fc2.register_forward_pre_hook(self._after(key)) for key, layer in self.layers.items()]
        return self

    def _after(self, key: Key) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def add(_: nn.Module, inputs: tuple[Tensor]) -> None:
            values, fired = inputs[0].detach().flatten(0, 1), self.fired[key][0]
            size = CHUNK // values.shape[1]
            for chunk, real in zip(values.split(size), self.real[key[0]].split(size), strict=True):
                fired += torch.mv(torch.sign(chunk).t(), real).long()

        return add


def variants(size: models.Size, batch: dict[str, Any], times: int, device: str) -> dict[str, Callable[[], object]]:
    """What is timed: each goes over one batch so many times."""
    model = models.transformer(size).to(device)
    inputs = batch["net_input"]

    @torch.inference_mode()
    def forward(counter: ActivationCounter | None = None) -> None:
        for _ in range(times):
            if counter:
                counter.expect("encoder", inputs["src_tokens"], PADDING, batch["id"])
                counter.expect("decoder", inputs["prev_output_tokens"], PADDING, batch["id"])
            encoded = model.encoder(inputs["src_tokens"], src_lengths=inputs["src_lengths"])
            model.decoder(inputs["prev_output_tokens"], encoder_out=encoded, features_only=True)

    def counts() -> None:
        with Counts(model) as counter:
            forward(counter)

    def sums() -> None:
        with ActivationCounter(model) as counter:
            forward(counter)

    def whole() -> None:
        """With logits and loss: what "a pass" means where something is said of the loss."""
        with torch.inference_mode():
            for _ in range(times):
                logits, _ = model(**inputs)
                nn.functional.cross_entropy(logits.float().flatten(0, 1), batch["target"].flatten(), reduction="sum")

    return {
        "forward without logits": forward,
        "forward with loss": whole,
        "counts alone": counts,
        "the five sums": sums,
        "all free statistics": lambda: record(model, [batch] * times, PADDING),
        "and gradients": lambda: record(model, [batch] * times, PADDING, gradients=True),
    }


def ratio(above: list[float], below: list[float]) -> tuple[float, float, float]:
    """Median of paired ratios, with the 95 % interval of 2,000 bootstrap samples."""
    ratios = np.array(above) / np.array(below)
    drawn = np.random.default_rng(1).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(np.median(ratios)), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=models.SIZES, default="base")
    parser.add_argument("--tokens", type=int, default=2000, help="target tokens of the batch")
    parser.add_argument("--batches", type=int, default=4, help="such batches: norms of weights are taken once for all")
    parser.add_argument("--pairs", type=int, default=15, help="how often each takes its turn")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processor-time", action="store_true", help="count what this process computes, not the clock")
    parser.add_argument("--free", action="store_true", help="leave gradients out")
    args = parser.parse_args()
    torch.set_num_threads(1)
    size = models.SIZES[args.size]
    batch = models.batch(size, args.tokens, seed=6, device=args.device)
    tasks = variants(size, batch, args.batches, args.device)
    if args.free:
        tasks = {name: task for name, task in tasks.items() if name not in ("and gradients", "forward with loss")}
    clock = time.process_time if args.processor_time else time.perf_counter
    times = machine.each_in_turn(tasks, args.pairs, clock=clock)
    rows = []
    for name, below in (
        ("the five sums", "counts alone"),
        ("all free statistics", "counts alone"),
        ("all free statistics", "forward without logits"),
        ("and gradients", "forward with loss"),
    ):
        if name not in times:
            continue
        rows.append([f"{name} ÷ {below}", statistics.median(times[name]), *ratio(times[name], times[below])])
    print(
        f"{size}, {args.batches} batches of {args.tokens} tokens, {args.pairs} pairs, {machine.facts()['processor']}\n"
    )
    print(report.table(["", "seconds", "ratio, median", "from", "to"], rows))


if __name__ == "__main__":
    main()
