"""Measure how fast recording, training and decoding are: `make bench`, on an otherwise idle machine (half an hour).

    python -m tests.benchmarks [--size base] [--device cuda --dtype float16] [--only ffn update …]

Everything compared runs in turn on the same batches in one process, one thread, and medians are reported. Writes
tests/benchmarks/results/<commit>.md, latest.json and scaling.svg; another size, device or number format writes a
table of its own name. `--only` measures a part and prints it.
"""

from __future__ import annotations

import os

# Before NumPy and torch are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse

import torch

from tests.benchmarks import decoding, models, precision, recording, reference, report, scaling, training

# Translating comes first: it is a process of its own in the pipeline, and memory in disorder slows it down.
PARTS = ("decoding", "ffn", "update", "recording", "masks", "scaling")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=sorted(models.SIZES), default="base")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"], default="float32")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--tokens", type=int, default=1000, help="target tokens of a training batch")
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--directions", type=int, default=10, help="directions recorded from start to end")
    parser.add_argument("--sentences", type=int, default=400, help="sentences translated for the speed of engines")
    return parser.parse_args()


class Benchmark:
    """Runs the parts; each returns its section of the report and fills in its keys."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.size = args, models.SIZES[args.size]
        self.dtype = getattr(torch, args.dtype)
        self.keys: dict[str, float | None] = {}
        self.scales: list[dict[str, float]] = []

    def ffn(self) -> tuple[str, str]:
        args, shapes = self.args, {(512, 2048): 2048, (1024, 4096): 2048}
        rows = []
        for (dim, ffn_dim), positions in shapes.items():
            repetitions = args.repetitions * (3 if dim == 512 else 1)
            times = training.ffn(dim, ffn_dim, positions, repetitions, args.device, self.dtype)
            ratios = [times[name] / times["dense"] for name in ("published", "gathered", "ours")]
            rows.append([dim, ffn_dim, positions, times["dense"], *ratios, models.DENSITY])
        header = [
            "d",
            "F",
            "positions",
            "dense",
            "published ÷ dense",
            "plain gather ÷ dense",
            "ours ÷ dense",
            "in theory",
        ]
        note = (
            "The theoretical share is the density: all six products shrink by it. The rest is gathering W1 and W2, "
            "writing gradients at full size (zeros, rows and columns put in place), and the constant's vector."
        )
        return "FFN alone, forward and backward", f"{report.table(header, rows)}\n\n{note}"

    def update(self) -> tuple[str, str]:
        args = self.args
        times, memory, spent = training.update(self.size, args.tokens, args.repetitions, args.device, self.dtype)
        self.keys["update_vs_dense"] = times["ours"] / times["dense"]
        self.keys["update_published_vs_dense"] = times["published"] / times["dense"]
        rows = [[name, times[name], times[name] / times["dense"], memory[name]] for name in times]
        tables = [
            report.table(["variant", "an update", "÷ dense", "peak MB"], rows),
            report.profile("milliseconds of one update", spent),
        ]
        return f"Update ({self.size}, {args.tokens} target tokens)", "\n\n".join(tables)

    def recording(self) -> tuple[str, str]:
        args = self.args
        times, memory, spent = recording.hooks(self.size, args.tokens, args.repetitions, args.device)
        alone = recording.hook_alone(self.size.ffn_dim, 2048, args.repetitions * 3, args.device)
        whole = recording.directions(args.size, args.directions, 40)
        self.keys["recording_overhead"] = times["ours"] / times["bare"] - 1
        self.keys["recording_vs_published"] = whole["ours"] / whole["published"]
        rows = [[name, times[name], times[name] / times["bare"] - 1, memory[name]] for name in times]
        tables = [
            report.table(["hook", "forward pass", "overhead", "peak MB"], rows),
            report.profile("milliseconds of one pass", spent),
            report.table(
                ["", "published", "ours", "published ÷ ours"],
                [
                    [
                        "hook alone, 2,048 positions",
                        alone["published"],
                        alone["ours"],
                        alone["published"] / alone["ours"],
                    ],
                    [
                        f"{args.directions} directions of 40 sentences, start to end",
                        whole["published"],
                        whole["ours"],
                        whole["published"] / whole["ours"],
                    ],
                ],
            ),
        ]
        if folder := reference.folder():
            header = ["recorded in", "counters unlike fp32's", "overlap of masks (k=95) with fp32's, mean", "least"]
            effects = precision.effect(folder, args.device)
            tables.append(report.table(header, [[name, *found.values()] for name, found in effects.items()]))
        return f"Recording ({self.size})", "\n\n".join(tables)

    def masks(self) -> tuple[str, str]:
        found = scaling.masks(60)
        self.keys["masks_disk_mb"], self.keys["masks_memory_mb"] = found["disk"], found["memory"]
        header = ["MB on disk", "MB in memory", "load", "change of direction", "published: MB in memory"]
        names = ("disk", "memory", "load", "activate", "published")
        return "Masks of 60 directions, 6+6 layers, F=4096", report.table(header, [[found[name] for name in names]])

    def decoding(self) -> tuple[str, str]:
        args = self.args
        found = decoding.speed(self.size, args.sentences, 3, args.device, self.dtype)
        reference_speed = found.engines["fairseq"]
        engines = [
            [name, speed, speed / reference_speed, found.identical.get(name, "")]
            for name, speed in found.engines.items()
        ]
        variants = [[name, speed, speed / found.models["dense"]] for name, speed in found.models.items()]
        header = ["engine", "sentences per second", "÷ reference engine", "identical to it"]
        note = "Random weights make near-ties, which int8 decides otherwise; the trained model below tells more of it."
        tables = [
            f"{report.table(header, engines)}\n\n{note}",
            report.table(["model in fairseq, 2,000 tokens a batch", "sentences per second", "÷ dense"], variants),
            report.profile("milliseconds, 20 sentences, batches of 2,000 tokens", {"fairseq": found.reference}),
            report.profile(f"milliseconds, {args.sentences} sentences", found.stages),
        ]
        for name in found.identical:
            self.keys[f"decode_{name}_vs_reference"] = found.engines[name] / reference_speed
        self.keys["decode_float32_identical"] = None
        if folder := reference.folder():
            alike = decoding.agreement(folder, 10, args.device)
            self.keys["decode_float32_identical"] = alike.get("float32", {}).get("identical")
            header = [
                "trained model (3+3 layers, d=128)",
                "sentences",
                "identical to reference engine",
                "BLEU difference",
            ]
            tables.append(report.table(header, [[name, *found.values()] for name, found in alike.items()]))
        return f"Decoding ({self.size}, {args.sentences} sentences, beam 5)", "\n\n".join(tables)

    def scaling(self) -> tuple[str, str]:
        self.scales = scaling.scaling()
        rows = [list(row.values()) for row in self.scales]
        return "Scaling (small model, 20 sentences a direction; scaling.svg)", report.table(list(self.scales[0]), rows)


def main() -> None:
    args = parse()
    torch.set_num_threads(1)
    benchmark, sections = Benchmark(args), []
    for part in args.only:
        title, body = getattr(benchmark, part)()
        print(f"\n## {title}\n\n{body}", flush=True)
        sections.append((title, body))
    if tuple(args.only) == PARTS:
        chosen = {"base": args.size, "cpu": args.device, "float32": args.dtype}
        variant = "".join(f"-{value}" for usual, value in chosen.items() if value != usual)
        latest = (None, None) if variant else (benchmark.keys, benchmark.scales)
        print(f"\n{report.write(sections, variant, *latest)}")


if __name__ == "__main__":
    main()
