"""Score translations with a neural metric in an environment of its own: one model load for many directions.

    python -m workflow_scripts.steps.score_comet results/run/translations/ns --pairs en-de,de-en \\
        --output results/run/scores/ns --model Unbabel/wmt22-comet-da --python .venv-comet/bin/python

The metric is COMET, or another one that is registered (`--metric`). Reads what it needs of `{pair}.src.txt`, `.hyp.txt`
and `.ref.txt`. Writes `{pair}.comet.json`, a list with one object per variant of the text (like those of `score`), and
`{pair}.comet.parquet` with every segment's score. A direction whose texts and model have not changed since is left as
it is; one that is finished is written at once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts import write_segments
from workflow_scripts.batch import made_from, outstanding, stamp
from workflow_scripts.cluster.gpus import claim
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.errors import UserError, run
from workflow_scripts.files import sha256, write_json
from workflow_scripts.progress import Progress
from workflow_scripts.scoring.learned import REPORTED, Request, model_identity, prepare, signature, texts_of
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import of_step
from workflow_scripts.scoring.variants import detokenizer

CODE = ("scoring.learned", "scoring.metric", "scoring.names", "scoring.texts", "scoring.variants")


def outputs_of(args: argparse.Namespace, pair: Direction | str) -> list[Path]:
    """The segments, which vouch for the scores, and the scores."""
    return [args.output / f"{pair}.{end}" for end in reversed(METRICS[args.metric].ends(args.metric))]


def made_of(args: argparse.Namespace, identity: str, pair: Direction | str) -> dict[str, Any]:
    """What the scores of a direction are made from; `identity` is the model's."""
    return made_from(
        "score_comet",
        METRICS.module(args.metric),
        texts={role: sha256(path) for role, path in texts_of(METRICS[args.metric], args.folder, pair).items()},
        tokenization=args.tokenization,
        detokenizer=detokenizer(args.tokenization),
        model=identity,
    )


def finish(args: argparse.Namespace, identity: str, request: Request, answer: dict[str, Any]) -> None:
    """Write what the model said of one direction."""
    segments, scores = outputs_of(args, request.pair)
    said = {name: answer[name] for name in REPORTED if name in answer}
    said["signature"] = signature(args.model, int("ref" in METRICS[args.metric].reads), answer)
    entries, rows = request.results(answer["scores"])
    write_json(scores, [entry | said | {"pair": request.pair} for entry in entries])
    write_segments(segments, rows, {"pair": request.pair} | stamp(made_of(args, identity, request.pair), [scores]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="TRANSLATIONS", help="translations of one system")
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, separated by commas")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--tokenization", choices=("none", "moses"), default="none", help="how the text is tokenized")
    parser.add_argument("--metric", choices=of_step("score_comet"), default="comet", help="what is computed")
    parser.add_argument("--model", required=True, help="name, checkpoint file, or folder of a model")
    parser.add_argument("--batch-size", type=int, default=16, help="segments scored at once")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs; 0 computes on the CPU")
    parser.add_argument("--python", type=Path, required=True, help="interpreter of the metric's environment")
    args = parser.parse_args()
    metric = METRICS[args.metric]
    if not args.python.exists():
        remedy = f"make {metric.name}'s environment, `python3 envs/create.py {metric.environment}`"
        raise UserError(f"{args.python} does not exist: {remedy}")
    directions = {str(one): one for one in args.pairs}
    identity = model_identity(args.model, f"score.{metric.required}")
    outputs = {name: outputs_of(args, name) for name in directions}
    todo = outstanding("score_comet", outputs, lambda name: made_of(args, identity, name))
    if not todo:
        return
    requests = [
        prepare(metric, directions[name], texts_of(metric, args.folder, name), args.tokenization) for name in todo
    ]
    claim(args.gpus)
    with tempfile.TemporaryDirectory(prefix="score-") as folder:
        for request in requests:
            target = Path(folder) / f"{request.pair}.segments.json"
            target.write_text(json.dumps(request.segments), encoding="utf-8")
        options = [f"--batch-size={args.batch_size}", f"--gpus={args.gpus}"]
        command = [args.python, "-m", metric.worker, args.model, folder, *options]
        collect(args, identity, requests, Path(folder), subprocess.Popen(command))


def collect(
    args: argparse.Namespace, identity: str, requests: list[Request], folder: Path, worker: subprocess.Popen
) -> None:
    """Write every direction as soon as the worker has scored it."""
    progress = Progress(f"{args.metric} {args.folder.name}", len(requests), "directions")
    waiting = list(requests)
    try:
        while waiting:
            ended = worker.poll() is not None
            ready = [one for one in waiting if (folder / f"{one.pair}.scores.json").exists()]
            for request in ready:
                finish(args, identity, request, json.loads((folder / f"{request.pair}.scores.json").read_text()))
                waiting.remove(request)
                progress.update(len(requests) - len(waiting), request.pair)
            if waiting and ended:
                name, code = METRICS[args.metric].name, worker.returncode
                raise UserError(f"{name} failed at {waiting[0].pair} (exit code {code}); see above")
            if not ready:
                time.sleep(0.2)
    finally:
        worker.terminate() if waiting else worker.wait()


if __name__ == "__main__":
    run(main)
