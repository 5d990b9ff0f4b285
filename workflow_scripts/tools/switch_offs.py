"""Switch single neurons of a run's baseline off, and compare what the loss does with the `effect` that is foreseen.

    python -m workflow_scripts.tools.switch_offs --run demo --pair en-qa --neurons 20

`effect`, what criterion `effect` chooses by, is the loss's change to first order (one backward pass for all neurons);
this is the change itself, one pass of the text for each neuron: for small models. Takes validation text of the
direction, `--lines` of it, and neurons of every layer, drawn by `--seed`. Writes a CSV (component, layer, neuron,
effect, change; in nats, summed over the text) and prints by layer, and in all, how the two are correlated.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from workflow_scripts import errors
from workflow_scripts.direction import Direction, joined
from workflow_scripts.errors import UserError
from workflow_scripts.files import replacing
from workflow_scripts.progress import Progress

if TYPE_CHECKING:
    import pandas as pd


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="demo", help="name of the run (default: %(default)s)")
    parser.add_argument("--pair", type=Direction.parse, required=True, help="direction, as en-de")
    parser.add_argument("--neurons", type=int, default=20, help="how many of every layer (default: %(default)s)")
    parser.add_argument("--lines", type=int, default=200, help="lines of validation text (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the draw of neurons (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 …")
    parser.add_argument("--output", type=Path, help="file to write (default: results/RUN/tables/switch-offs-PAIR.csv)")
    args = parser.parse_args()
    for name in ("neurons", "lines"):
        if getattr(args, name) < 1:
            raise UserError(f"--{name}: at least 1")
    return args


def measured(args: argparse.Namespace) -> pd.DataFrame:
    """A row per neuron. Raises `UserError` where the run has no such direction, or not what it takes."""
    from workflow_scripts.corpus.manifest import read_manifest
    from workflow_scripts.made_run import MadeRun

    run = MadeRun.read(args.run)
    if args.pair not in run.directions:
        raise UserError(f"{args.pair} is not a direction of run {run.name}; it has {joined(run.directions)}")
    manifest = read_manifest(Path(run.paths.manifest))

    import numpy as np
    import pandas as pd

    from workflow_scripts.fairseq_plugin import datasets, recorder, switch_offs
    from workflow_scripts.fairseq_plugin import model as transformer

    model, dictionary, loaded = transformer.load_model(run.paths.baseline, manifest)
    model = model.to(transformer.device(args.device))
    dataset = datasets.load_direction(manifest.folders("valid"), "valid", args.pair, dictionary)
    lines = datasets.batches(dataset, run.config["activations"]["max_tokens"], loaded.args.max_source_positions)
    chosen = [[line for line in batch if line < args.lines] for batch in lines]
    batches = [datasets.collate(dataset, batch) for batch in chosen if batch]
    found, _ = recorder.record(model, batches, dictionary.pad(), gradients=True)
    draw = np.random.default_rng(args.seed)
    neurons = [
        (key, int(number))
        for key, columns in found.items()
        for number in sorted(draw.permutation(len(columns["effect"]))[: args.neurons])
    ]
    progress = Progress(f"switch-offs {args.pair}", len(neurons), "neurons")
    changes = switch_offs.changes(model, batches, dictionary.pad(), neurons, progress.update)
    return pd.DataFrame(
        [
            (*key, number, found[key]["effect"][number], change)
            for (key, number), change in zip(neurons, changes, strict=True)
        ],
        columns=["component", "layer", "neuron", "effect", "change"],
    )


def correlations(frame: pd.DataFrame) -> str:
    """Pearson's and Spearman's correlation of `effect` and `change`, in words."""
    if len(frame) < 3 or frame["effect"].nunique() < 2 or frame["change"].nunique() < 2:
        return f"not defined for {len(frame)} neurons that hardly differ"
    pearson, spearman = (frame["effect"].corr(frame["change"], method=method) for method in ("pearson", "spearman"))
    return f"Pearson {pearson:.3f}, Spearman {spearman:.3f} of {len(frame)} neurons"


def main() -> None:
    args = parse()
    frame = measured(args)
    output = args.output or Path(f"results/{args.run}/tables/switch-offs-{args.pair}.csv")
    with replacing(output) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6g")
    for (component, layer), rows in frame.groupby(["component", "layer"], sort=False):
        print(f"[switch-offs] {args.pair}, {component} layer {layer}: {correlations(rows)}")
    print(f"[switch-offs] {args.pair}, all layers: {correlations(frame)} · {output}")


if __name__ == "__main__":
    errors.run(main)
