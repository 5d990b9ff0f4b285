"""Recording activations: the bare forward pass, the published hook, ours; and ten directions from start to end.

`python -m tests.benchmarks.recording KIND SIZE LINES SEED…` is one process of the second comparison.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from tests.benchmarks import machine, models, published
from tests.benchmarks.profiles import where_time_goes
from workflow_scripts.fairseq_plugin.datasets import batches, collate
from workflow_scripts.fairseq_plugin.recorder import ActivationCounter, record

PADDING = 1


def hooks(
    size: models.Size, tokens: int, repetitions: int, device: str
) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """Bare and with each hook: median seconds of a forward pass without logits over one batch, peak MB, a profile."""
    model = models.transformer(size).to(device)
    batch = models.batch(size, tokens, seed=6, device=device)
    inputs = batch["net_input"]

    @torch.inference_mode()
    def forward() -> None:
        encoded = model.encoder(inputs["src_tokens"], src_lengths=inputs["src_lengths"])
        model.decoder(inputs["prev_output_tokens"], encoder_out=encoded, features_only=True)

    def ours() -> None:
        with ActivationCounter(model) as counter:
            counter.expect("encoder", inputs["src_tokens"], PADDING, batch["id"])
            counter.expect("decoder", inputs["prev_output_tokens"], PADDING, batch["id"])
            forward()
            counter.statistics()

    def theirs() -> None:
        recorder = published.Recorder(model)
        forward()
        recorder.counts()

    tasks = {"bare": forward, "published": theirs, "ours": ours}
    times = machine.in_turn(tasks, repetitions)
    memory = {}
    for name, task in tasks.items():
        with machine.peak() as found:
            task()
        memory[name] = found["megabytes"]
    return times, memory, {name: where_time_goes(task) for name, task in tasks.items()}


def hook_alone(ffn_dim: int, positions: int, repetitions: int, device: str) -> dict[str, float]:
    """Median seconds of what each hook does with one layer's activations [positions, F]."""
    layer = torch.nn.Module()
    layer.fc1, layer.fc2 = torch.nn.Linear(4, ffn_dim), torch.nn.Linear(ffn_dim, 4)
    model = torch.nn.Module()
    model.encoder, model.decoder = torch.nn.Module(), torch.nn.Module()
    model.encoder.layers, model.decoder.layers = torch.nn.ModuleList([layer]), torch.nn.ModuleList()
    model.to(device)
    values = torch.randn(positions // 32, 32, ffn_dim, device=device).relu_()
    tokens = torch.full((32, positions // 32), 5, device=device)
    counter = ActivationCounter(model)
    counter.expect("encoder", tokens, PADDING, torch.arange(32, device=device))
    ours = counter._after(("encoder", 0))

    def theirs() -> None:
        recorder = published.Recorder(model)
        recorder._hook(("encoder", 0))(layer.fc2, (values,), values)
        recorder.counts()

    with torch.inference_mode():
        return machine.in_turn({"published": theirs, "ours": lambda: ours(layer.fc2, (values,))}, repetitions)


def directions(name: str, count: int, lines: int) -> dict[str, float]:
    """Seconds for `count` directions of `lines` sentence pairs: a process each as published, one for all as ours."""
    with tempfile.TemporaryDirectory() as folder:
        torch.save(models.transformer(models.SIZES[name]).state_dict(), Path(folder) / "model.pt")
        command = [sys.executable, "-m", "tests.benchmarks.recording"]

        def run(kind: str, seeds: range) -> None:
            arguments = [kind, name, str(lines), folder, *map(str, seeds)]
            subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        ours = machine.seconds(lambda: run("ours", range(count)))
        theirs = machine.seconds(lambda: [run("published", range(seed, seed + 1)) for seed in range(count)])
    return {"published": theirs, "ours": ours}


def main() -> None:
    kind, name, lines, folder, *seeds = sys.argv[1:]
    torch.set_num_threads(1)
    size = models.SIZES[name]
    model = models.transformer(size)
    model.load_state_dict(torch.load(Path(folder) / "model.pt", weights_only=True))
    for seed in map(int, seeds):
        pairs = models.dataset(size, int(lines), seed)
        if kind == "ours":
            record(model, (collate(pairs, batch) for batch in batches(pairs, 2000, 256)), PADDING)
        else:
            # As published: 12,000 tokens a batch, so a small validation set is one batch with all its padding.
            counts = published.record(model, [collate(pairs, batch) for batch in batches(pairs, 12000, 256)])
            torch.save(counts, Path(folder) / f"{seed}.pt")


if __name__ == "__main__":
    main()
