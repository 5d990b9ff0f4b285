"""Score translations with COMET, which lives in an environment of its own: one model load for many directions.

    python -m workflow_scripts.steps.score_comet results/run/translations/ns --pairs en-de,de-en \\
        --output results/run/scores/ns --model Unbabel/wmt22-comet-da --python .venv-comet/bin/python

Reads `{pair}.src.txt`, `.hyp.txt` and `.ref.txt`. Writes `{pair}.comet.json`, a list with one object per reading of the
text (like those of `score`), and `{pair}.comet.parquet` with every segment's score. A direction whose
texts and model have not changed since is left as it is; one that is finished is written at once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import read_metadata, write_segments
from workflow_scripts.cluster.gpus import claim
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import digest, sha256, write_json
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.comet import Direction, model_identity, prepare


def paths(args: argparse.Namespace, pair: str) -> tuple[Path, Path]:
    """Where the scores and the segments of a direction go."""
    return args.output / f"{pair}.comet.json", args.output / f"{pair}.comet.parquet"


def finish(args: argparse.Namespace, direction: Direction, answer: dict[str, Any]) -> None:
    """Write what the model said of one direction."""
    scores, segments = paths(args, direction.pair)
    signature = f"model:{Path(args.model).name}|nrefs:1|version:{answer['version']}"
    entries, rows = direction.results(answer["scores"])
    common = {"signature": signature, "pair": direction.pair, "inputs": direction.inputs}
    write_segments(segments, rows, {"pair": direction.pair, "inputs": direction.inputs, "model": args.model})
    write_json(scores, [entry | common for entry in entries])


def pending(args: argparse.Namespace) -> list[Direction]:
    """The directions that have to be scored; the others are touched."""
    identity = model_identity(args.model)
    directions = []
    for pair in args.pairs.split(","):
        texts = [args.folder / f"{pair}.{role}.txt" for role in ("src", "hyp", "ref")]
        inputs = digest([[sha256(path) for path in texts], args.tokenization, identity])
        made = paths(args, pair)
        if made[0].exists() and read_metadata(made[1]).get("inputs") == inputs:
            for path in made:
                os.utime(path)
        else:
            directions.append(prepare(pair, texts, args.tokenization, inputs))
    return directions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="TRANSLATIONS", help="translations of one system")
    parser.add_argument("--pairs", required=True, help="directions, separated by commas")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--tokenization", choices=("none", "moses"), default="none", help="how the text is tokenized")
    parser.add_argument("--model", required=True, help="name, checkpoint file, or folder of a model")
    parser.add_argument("--batch-size", type=int, default=16, help="segments scored at once")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs; 0 computes on the CPU")
    parser.add_argument("--python", type=Path, required=True, help="interpreter of COMET's environment")
    args = parser.parse_args()
    if not args.python.exists():
        raise UserError(f"{args.python} does not exist: make COMET's environment, `python3 envs/create.py comet`")
    directions = pending(args)
    if not directions:
        return
    claim(args.gpus)
    with tempfile.TemporaryDirectory(prefix="comet-") as folder:
        for direction in directions:
            target = Path(folder) / f"{direction.pair}.segments.json"
            target.write_text(json.dumps(direction.segments), encoding="utf-8")
        options = [f"--batch-size={args.batch_size}", f"--gpus={args.gpus}"]
        command = [args.python, "-m", "workflow_scripts.scoring.comet_worker", args.model, folder, *options]
        collect(args, directions, Path(folder), subprocess.Popen(command))


def collect(args: argparse.Namespace, directions: list[Direction], folder: Path, worker: subprocess.Popen) -> None:
    """Write every direction as soon as the worker has scored it."""
    progress = Progress(f"comet {args.folder.name}", len(directions), "directions")
    waiting = list(directions)
    try:
        while waiting:
            ended = worker.poll() is not None
            ready = [one for one in waiting if (folder / f"{one.pair}.scores.json").exists()]
            for direction in ready:
                finish(args, direction, json.loads((folder / f"{direction.pair}.scores.json").read_text()))
                waiting.remove(direction)
                progress.update(len(directions) - len(waiting), direction.pair)
            if waiting and ended:
                raise UserError(f"COMET failed at {waiting[0].pair} (exit code {worker.returncode}); see above")
            if not ready:
                time.sleep(0.2)
    finally:
        worker.terminate() if waiting else worker.wait()


if __name__ == "__main__":
    run(main)
