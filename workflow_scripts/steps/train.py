"""Train the multilingual baseline, or go on from it as a system does: under its masks, say.

    python -m workflow_scripts.steps.train --name baseline --data results/demo/data/manifest.json \
        --pairs en-ka,ka-en --model '{…}' --training '{…}' --work results/demo/baseline/run \
        --output results/demo/baseline/checkpoint.pt
    python -m workflow_scripts.steps.train --name ns --start results/demo/baseline/checkpoint.pt \
        --masks … (the rest as above)

Writes the checkpoint without its optimizer, and beside it training.csv, the curves. A checkpoint that was made from
the same is left as it is; where its code alone is another, that is said, and `--retrain` trains again. The work folder
keeps fairseq's own log and everything needed to go on after an interruption: the same command goes on from its last
checkpoint, exactly. Exit code 75 says that training was told to stop and wants to be started again; within SLURM it
puts its job back into the queue by itself. SIGTERM, SIGINT (Ctrl-C), SIGHUP, SIGUSR1 and a file `stop` in the work
folder make it stop.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from workflow_scripts import errors, installation
from workflow_scripts.batch import recompute, renew
from workflow_scripts.cluster.gpus import claim
from workflow_scripts.cluster.launch import broken_off, launch
from workflow_scripts.cluster.requeue import Turn
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.direction import parse_all
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import arguments
from workflow_scripts.files import write_json
from workflow_scripts.systems.variant import Variant, add_system_options, variant_of
from workflow_scripts.training import beginning, provenance, publishing, work_folder
from workflow_scripts.training.course import Choice, over

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "fairseq_plugin.arguments",
    "fairseq_plugin.chunked_criterion",
    "fairseq_plugin.compat",
    "fairseq_plugin.loop",
    "fairseq_plugin.model",
    "fairseq_plugin.own_updates",
    "fairseq_plugin.shards",
    "fairseq_plugin.task",
    "fairseq_plugin.training",
    "formats.checkpoint",
    "formats.peek",
    "layers.chunked_loss",
    "layers.freezing",
    "layers.own_names",
    "systems.kind",
    "systems.variant",
    "training.course",
)
INTERRUPTED = 75
"""Exit code EX_TEMPFAIL: try again."""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="what is trained: baseline, or a system's name")
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--pairs", required=True, help="directions to train on, comma-separated")
    parser.add_argument("--training", type=json.loads, required=True, help="settings `training` as JSON")
    parser.add_argument("--resources", type=json.loads, default={}, help="its gpus, nodes and workers, if not there")
    parser.add_argument("--model", type=json.loads, help="settings `model` as JSON (training from nothing)")
    parser.add_argument("--start", type=Path, help="checkpoint to go on from")
    add_system_options(parser)
    parser.add_argument("--work", type=Path, required=True, help="folder for what an interruption must not lose")
    parser.add_argument("--output", type=Path, required=True, metavar="CHECKPOINT", help="file to write")
    parser.add_argument("--continuations", type=int, default=100, help="most times that SLURM jobs may continue it")
    parser.add_argument("--retrain", action="store_true", help="train again what was trained by other code")
    args = parser.parse_args()
    args.pairs, args.training = parse_all(args.pairs), args.training | args.resources
    return args


def made_from(args: argparse.Namespace, manifest: Manifest, variant: Variant | None) -> dict[str, Any]:
    """What the checkpoint is to be made from; its `masks` are the digest it later insists on."""
    origin: dict[str, Any] = {"model": args.model, "masks": None}
    if args.start:
        from workflow_scripts.formats import checkpoint

        provenance.refuse_other_format(args.start, provenance.read(args.start))
        origin = {"start": checkpoint.identity(args.start), **variant.made_from()}
    registered = [variant.module] if variant else []
    return provenance.parts(args.pairs, args.training, manifest.fingerprint, *registered, **origin)


def fairseq_arguments(args: argparse.Namespace, manifest: Manifest, variant: Variant | None) -> list[str]:
    """The whole command line for fairseq."""
    task = "neuron_specialization" if args.start else "translation_multi_simple_epoch"
    # Below the folder of the run as it is called from there: the checkpoint keeps it, wherever that folder lies.
    here = Path.cwd()
    shards = [str(shard.relative_to(here) if shard.is_relative_to(here) else shard) for shard in manifest.shards]
    every = max(min(args.training["validate_every"] // 5, 100), 1)
    return [
        *arguments.multilingual(task, shards, manifest.languages, list(map(str, args.pairs))),
        *(arguments.architecture(args.model) if args.model else ["--arch=transformer"]),
        *arguments.optimization(args.training),
        *arguments.sampling(args.training),
        *arguments.bookkeeping(str(args.work), args.training, every),
        *([f"--finetune-from-model={args.start}"] if args.start else []),
        *([*arguments.frozen(args.training), *arguments.system(variant)] if variant else []),
    ]


def train(args: argparse.Namespace, words: list[str], made: dict[str, Any], codes: list[str], turn: Turn) -> int:
    """Run the training's processes to their end, or until they are told to stop; their exit code."""
    installation.check_module("fairseq")
    job = {
        "name": args.name,
        "data": str(args.data),
        "start": str(args.start) if args.start else None,
        "folder": str(args.work),
        "log": str(args.work / "fairseq.log"),
        "arguments": words,
        "choice": vars(Choice.of(args.training)),
        "made": provenance.trajectory(made),
        "codes": codes,
    }
    write_json(args.work / "job.json", job)
    gpus, nodes = args.training["gpus"], args.training["nodes"]
    steps = f"{arguments.accumulation(args.training)} accumulated × {max(gpus, 1) * nodes} processes"
    print(
        f"[{args.name}] {args.training['max_tokens']:,} tokens × {steps} per update, "
        f"{args.training['max_update']:,} updates at most",
        flush=True,
    )
    claim(gpus)
    module = ["workflow_scripts.fairseq_plugin.training", str(args.work / "job.json")]
    return launch(module, gpus, nodes, turn.job)


def main() -> int:
    args = parse()
    if (args.model is None) == (args.start is None):
        raise UserError("give either --model, to train from nothing, or --start, to go on from a checkpoint")
    variant = variant_of(args) if args.start else None
    if args.model and (args.kind or args.masks or args.settings):
        raise UserError("--kind, --masks and --settings say how a system goes on from a checkpoint: give --start, too")
    if variant and not variant.kind.trains:
        raise UserError(f"--kind {variant.name} is not trained: {variant.kind.summary}")
    manifest = read_manifest(args.data)
    made, choice = made_from(args, manifest, variant), Choice.of(args.training)
    curve = args.output.with_name("training.csv")
    provenance.refuse_other_format(args.output, provenance.read(args.output))
    rules = (provenance.STEP, "specialize" if args.start else "baseline")
    asked = any(recompute(rule, [args.output, curve]) for rule in rules)
    begin = beginning.Beginning(args.name, args.work, made, choice)
    work_folder.finish_discarding(args.work)
    if not asked:
        publishing.restore_curve(args.output, curve, args.work)
        match provenance.standing(args.output, curve, made):
            case provenance.Standing.CURRENT:
                print(f"[{args.name}] current: made from the same settings, data and code", flush=True)
                renew([args.output, curve])
                return 0
            case provenance.Standing.OTHER_CODE if not args.retrain and not begin.by_this_code():
                print(provenance.stale_message(args.name, args.output), flush=True)
                renew([args.output, curve])
                return 0
    reached = begin.prepare(asked, args.retrain)
    turn = Turn(args.work / work_folder.STOP)
    if not over(reached, choice):
        if turn.job:
            work_folder.record_start(args.work, turn.job, reached.update, args.continuations)
        if reached.update:
            print(f"[{args.name}] goes on after update {reached.update:,}", flush=True)
        codes = list(dict.fromkeys([*reached.codes, made["code"]]))
        code = train(args, fairseq_arguments(args, manifest, variant), made, codes, turn)
        reached = work_folder.read_state(args.work / work_folder.LAST) or reached
        if code:
            if code != errors.SAID:
                print(f"[{args.name}] {broken_off(code, reached.update)}", file=sys.stderr, flush=True)
            return code
    if not over(reached, choice):
        print(f"[{args.name}] stopped on request after update {reached.update:,}; nothing is lost", flush=True)
        turn.come_again()
        return INTERRUPTED
    frozen = args.start if variant and variant.frozen else None
    publishing.publish(args.name, args.work, args.output, made, reached, choice, frozen)
    return 0


if __name__ == "__main__":
    errors.run(main)
