"""Train the multilingual baseline, or go on from it under the masks of a system.

    python -m workflow_scripts.steps.train --name baseline --data results/demo/data/manifest.json \
        --directions en-ka,ka-en --model '{…}' --training '{…}' --work results/demo/baseline/run \
        --checkpoint results/demo/baseline/checkpoint.pt
    python -m workflow_scripts.steps.train --name ns --start results/demo/baseline/checkpoint.pt \
        --masks … (the rest as above)

Writes the checkpoint without its optimizer, and beside it training.csv, the curves. The work folder keeps
fairseq's own log and everything needed to go on after an interruption: the same command goes on from its last
checkpoint, exactly. Exit code 75 says that training was told to stop and wants to be started again; within SLURM it
puts its job back into the queue by itself. SIGTERM, SIGUSR1 and a file `stop` in the work folder make it stop.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from workflow_scripts import errors
from workflow_scripts.artifacts import masks_digest, read_masks
from workflow_scripts.cluster.gpus import claim
from workflow_scripts.cluster.launch import launch
from workflow_scripts.cluster.requeue import Turn
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import arguments
from workflow_scripts.files import code_version, digest, sha256, write_json
from workflow_scripts.training import work_folder
from workflow_scripts.training.curve import write_curve

INTERRUPTED = 75
"""Exit code EX_TEMPFAIL: try again."""
# These may change while a training goes on: none of them changes what an update computes.
FREE = ("gpus", "nodes", "workers", "max_update", "patience", "validate_every", "keep")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="what is trained: baseline, or a system's name")
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--directions", required=True, help="directions to train on, comma-separated")
    parser.add_argument("--training", type=json.loads, required=True, help="settings `training` as JSON")
    parser.add_argument("--model", type=json.loads, help="settings `model` as JSON (training from nothing)")
    parser.add_argument("--start", type=Path, help="checkpoint to go on from")
    parser.add_argument("--masks", type=Path, help="masks of the system")
    parser.add_argument("--work", type=Path, required=True, help="folder for what an interruption must not lose")
    parser.add_argument("--checkpoint", type=Path, required=True, help="file to write")
    parser.add_argument("--continuations", type=int, default=100, help="most times that SLURM jobs may continue it")
    return parser.parse_args()


def provenance(args: argparse.Namespace, manifest: Manifest) -> dict[str, Any]:
    """What the checkpoint is made from; `masks` is the digest it later insists on."""
    made = {
        "system": args.name,
        "directions": args.directions.split(","),
        "training": {key: value for key, value in args.training.items() if key not in FREE},
        "data_fingerprint": manifest.fingerprint,
        "masks": masks_digest(read_masks(args.masks).rows) if args.masks else None,
    }
    return made | ({"start_sha256": sha256(args.start)} if args.start else {"model": args.model})


def fairseq_arguments(args: argparse.Namespace, manifest: Manifest) -> list[str]:
    """The whole command line for fairseq."""
    task = "neuron_specialization" if args.start else "translation_multi_simple_epoch"
    # Below the folder of the run as it is called from there: the checkpoint keeps it, wherever that folder lies.
    here = Path.cwd()
    shards = [str(shard.relative_to(here) if shard.is_relative_to(here) else shard) for shard in manifest.shards]
    every = max(min(args.training["validate_every"] // 5, 100), 1)
    return [
        *arguments.multilingual(task, shards, manifest.languages, args.directions.split(",")),
        *(arguments.architecture(args.model) if args.model else ["--arch=transformer"]),
        *arguments.optimization(args.training),
        *arguments.sampling(args.training),
        *arguments.bookkeeping(str(args.work), args.training, every),
        *([f"--finetune-from-model={args.start}"] if args.start else []),
        *([f"--masks-file={args.masks}"] if args.masks else []),
    ]


def prepare(args: argparse.Namespace, made: dict[str, Any]) -> None:
    """Keep the work folder of the same training; one left by another training, or by a longer one, is emptied."""
    settings, update = args.work / "settings.json", work_folder.reached(args.work)["update"]
    reason = None
    if args.work.exists() and (not settings.exists() or json.loads(settings.read_text()) != made):
        reason = "the settings have changed"
    elif update > args.training["max_update"]:
        reason = f"update {update:,} was reached and only {args.training['max_update']:,} are asked for"
    if reason:
        print(f"[{args.name}] {reason}, so training starts anew", flush=True)
        shutil.rmtree(args.work)
    write_json(settings, made)


def begin(args: argparse.Namespace, turn: Turn) -> None:
    """Make sure that the work folder can be gone on from, and within SLURM that this is worth another job."""
    if message := work_folder.recover(args.work):
        print(f"[{args.name}] {message}", flush=True)
    if turn.job:
        work_folder.record_start(args.work, turn.job, work_folder.reached(args.work)["update"], args.continuations)


def main() -> int:
    args = parse()
    if (args.model is None) == (args.start is None):
        raise UserError("give either --model, to train from nothing, or --start, to go on from a checkpoint")
    manifest = read_manifest(args.data)
    made = provenance(args, manifest)
    prepare(args, made)
    turn = Turn(args.work / work_folder.STOP)
    begin(args, turn)
    job = args.work / "job.json"
    keys = ("max_update", "patience", "validate_every")
    common = {"name": args.name, "data": str(args.data), "start": str(args.start) if args.start else None}
    paths = {"folder": str(args.work), "log": str(args.work / "fairseq.log")}
    write_json(
        job,
        common | paths | {"arguments": fairseq_arguments(args, manifest)} | {key: args.training[key] for key in keys},
    )
    steps = arguments.accumulation(args.training)
    gpus = args.training["gpus"]
    workers = max(gpus, 1) * args.training["nodes"]
    tokens = f"{args.training['max_tokens']:,} tokens × {steps} accumulated × {workers} processes"
    print(f"[{args.name}] {tokens} per update, {args.training['max_update']:,} updates at most", flush=True)
    claim(gpus)
    if code := launch(["workflow_scripts.fairseq_plugin.training", str(job)], gpus, args.training["nodes"], turn.job):
        return code
    state = work_folder.reached(args.work)
    if not state["over"]:
        print(f"[{args.name}] stopped on request after update {state['update']:,}; nothing is lost", flush=True)
        turn.come_again()
        return INTERRUPTED
    from workflow_scripts.formats.checkpoint import publish

    kept = args.work / (work_folder.BEST if args.training["keep"] == "best" else work_folder.LAST)
    updates = state["update"]
    final = {"updates": updates, "settings": digest(made), "code_version": code_version()}
    write_curve(args.work / "curve.jsonl", args.checkpoint.with_name("training.csv"))
    publish(kept, args.checkpoint, made | final)
    return 0


if __name__ == "__main__":
    errors.run(main)
