"""Count how often each feed-forward neuron fires, for several directions with one model load.

    python -m workflow_scripts.steps.record --data results/demo/data/manifest.json \
        --checkpoint results/demo/baseline/checkpoint.pt results/demo/activations/en-ka.parquet …

Writes one Parquet file per direction; its name says which. Files that are current already are left as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.artifacts import write_activations
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.cluster.gpus import claim
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.files import code_version, sha256
from workflow_scripts.progress import Progress

CODE = ("fairseq_plugin.recorder", "fairseq_plugin.datasets", "fairseq_plugin.model", "fairseq_plugin.compat")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--checkpoint", type=Path, required=True, help="the baseline")
    parser.add_argument("--split", default="valid", help="text to run through the model (default: %(default)s)")
    parser.add_argument("--positions", choices=["real", "all"], default="real", help="whether padding is left out")
    parser.add_argument("--max-tokens", type=int, default=2000, help="longest side of a batch in tokens")
    parser.add_argument("--precision", choices=["fp32", "fp16", "bf16"], default="fp32", help="number format")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 …")
    parser.add_argument("outputs", type=Path, nargs="+", metavar="PAIR.parquet", help="files to write")
    return parser.parse_args()


def main() -> None:
    args = parse()
    if args.device == "auto":
        claim(1)
    manifest = read_manifest(args.data)
    settings = {name: getattr(args, name) for name in ("split", "positions", "max_tokens", "precision")}
    inputs = {"checkpoint_sha256": sha256(args.checkpoint), "data_fingerprint": manifest.fingerprint}
    made = made_from("record", **settings, **inputs)
    outputs = {path.stem: path for path in args.outputs}
    todo = outstanding("record", {pair: [path] for pair, path in outputs.items()}, made)
    progress = Progress("record", len(outputs), "directions", done=len(outputs) - len(todo))
    if todo:
        from workflow_scripts.fairseq_plugin import datasets, recorder
        from workflow_scripts.fairseq_plugin import model as transformer

        model, dictionary, loaded = transformer.load_model(args.checkpoint, manifest)
        model = transformer.cast(model.to(transformer.device(args.device)), args.precision)
    for number, pair in enumerate(todo, start=len(outputs) - len(todo) + 1):
        dataset = datasets.load_direction(manifest, args.split, pair, dictionary)
        lines = datasets.batches(dataset, args.max_tokens, loaded.args.max_source_positions)
        batches = (datasets.collate(dataset, batch) for batch in lines)
        counts, positions = recorder.record(model, batches, dictionary.pad(), args.positions)
        metadata = {"pair": pair, "counted_positions": positions, "code_version": code_version()}
        write_activations(outputs[pair], counts, metadata | stamp(made))
        progress.update(number, pair)
    if not todo:
        progress.update(len(outputs), "all current")


if __name__ == "__main__":
    errors.run(main)
