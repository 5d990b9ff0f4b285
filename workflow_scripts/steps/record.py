"""Count how often each feed-forward neuron fires, and more of it, for several directions with one model load.

    python -m workflow_scripts.steps.record --data results/demo/data/manifest.json \
        --checkpoint results/demo/baseline/checkpoint.pt --pairs en-ka,ka-en --output results/demo/activations

Writes FOLDER/{pair}.parquet for each direction. Files that are current already are left as they are. `--split train`
takes the training text of all shards; `--split test` a test set, which masks should not be made from.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.artifacts import write_activations
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.cluster.gpus import claim
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.corpus.prepared_set import PreparedSet, read_prepared
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version
from workflow_scripts.progress import Progress

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "corpus.prepared_set",
    "fairseq_plugin.compat",
    "fairseq_plugin.datasets",
    "fairseq_plugin.gradients",
    "fairseq_plugin.model",
    "fairseq_plugin.recorder",
    "fairseq_plugin.shards",
    "formats.checkpoint",
    "formats.peek",
    "layers.specialized_ffn",
)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--checkpoint", type=Path, required=True, help="the baseline")
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, comma-separated")
    parser.add_argument(
        "--split", choices=["valid", "train", "test"], default="valid", help="text to run (default: %(default)s)"
    )
    parser.add_argument("--test-set", type=Path, help="its manifest, for --split test")
    parser.add_argument("--gradients", type=json.loads, default=False, help="true: also what a backward pass says")
    parser.add_argument("--max-tokens", type=int, default=2000, help="longest side of a batch in tokens")
    parser.add_argument("--precision", choices=["fp32", "fp16", "bf16"], default="fp32", help="number format")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 …")
    parser.add_argument("--output", type=Path, required=True, help="folder of the Parquet files")
    return parser.parse_args()


def chosen_test_set(args: argparse.Namespace, manifest: Manifest) -> PreparedSet | None:
    """The test set that is counted on, said aloud; None where it is train or valid."""
    if args.split != "test":
        return None
    if args.test_set is None:
        raise UserError("--split test needs --test-set, the manifest of a test set")
    print("[record] WARNING: activations are counted on test text, so masks and scores depend on it", flush=True)
    test_set = read_prepared(args.test_set, manifest)
    if test_set.split != "test":
        raise UserError(f"--split test: {args.test_set} is made of {test_set.split} text (decode.split); count on that")
    return test_set


def main() -> None:
    args = parse()
    if args.device == "auto":
        claim(1)
    # Imported late: torch takes seconds, and --help and wrong arguments should not.
    from workflow_scripts.formats.checkpoint import identity

    manifest = read_manifest(args.data)
    test_set = chosen_test_set(args, manifest)
    folders, split = ([test_set.folder], test_set.split) if test_set else (manifest.folders(args.split), args.split)
    shared = {
        **{name: getattr(args, name) for name in ("split", "gradients", "max_tokens", "precision")},
        **manifest.vocabulary,
        "checkpoint": identity(args.checkpoint),
    }

    def made(pair: str) -> dict:
        direction = Direction.parse(pair)
        text = test_set.made_of(direction)["data"] if test_set else manifest.split_digest(split, direction)
        return made_from("record", **shared, text=text)

    files = {str(pair): [args.output / f"{pair}.parquet"] for pair in args.pairs}
    todo = outstanding("record", files, made)
    progress = Progress("record", len(files), "directions", done=len(files) - len(todo))
    if todo:
        from workflow_scripts.fairseq_plugin import datasets, recorder
        from workflow_scripts.fairseq_plugin import model as transformer

        model, dictionary, loaded = transformer.load_model(args.checkpoint, manifest)
        model = transformer.cast(model.to(transformer.device(args.device)), args.precision)
    for number, pair in enumerate(todo, start=len(files) - len(todo) + 1):
        dataset = datasets.load_direction(folders, split, Direction.parse(pair), dictionary)
        lines = datasets.batches(dataset, args.max_tokens, loaded.args.max_source_positions)
        batches = (datasets.collate(dataset, batch) for batch in lines)
        values, positions = recorder.record(model, batches, dictionary.pad(), args.gradients)
        over = {"counted_positions": positions.pop("real")}
        over |= {f"counted_positions_{kind}": each for kind, each in positions.items()}
        metadata = {"pair": pair, **over, "code_version": code_version()}
        write_activations(files[pair][0], values, metadata | stamp(made(pair)))
        progress.update(number, pair)
    if not todo:
        progress.update(len(files), "all current")


if __name__ == "__main__":
    errors.run(main)
