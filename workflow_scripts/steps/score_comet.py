"""Score translations with COMET, which lives in an environment of its own: one model load for many directions.

    python -m workflow_scripts.steps.score_comet results/run/translations/ns --pairs en-de,de-en \\
        --output results/run/scores/ns --model Unbabel/wmt22-comet-da --python .venv-comet/bin/python

Reads `{pair}.src.txt`, `.hyp.txt` and `.ref.txt`. Writes `{pair}.comet.json`, a list with one object per variant of the
text (like those of `score`), and `{pair}.comet.parquet` with every segment's score. A direction whose
texts and model have not changed since is left as it is; one that is finished is written at once.
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
from workflow_scripts.scoring.comet import Request, model_identity, prepare
from workflow_scripts.scoring.variants import detokenizer

CODE = ("scoring.comet", "scoring.comet_worker", "scoring.texts", "scoring.variants")


def texts_of(args: argparse.Namespace, pair: Direction | str) -> list[Path]:
    """Sources, hypotheses and references."""
    return [args.folder / f"{pair}.{role}.txt" for role in ("src", "hyp", "ref")]


def outputs_of(args: argparse.Namespace, pair: Direction | str) -> list[Path]:
    """The segments, which vouch for the scores, and the scores."""
    return [args.output / f"{pair}.comet.{end}" for end in ("parquet", "json")]


def made_of(args: argparse.Namespace, identity: str, pair: Direction | str) -> dict[str, Any]:
    """What the scores of a direction are made from; `identity` is the model's."""
    sources, hypotheses, references = map(sha256, texts_of(args, pair))
    return made_from(
        "score_comet",
        sources=sources,
        hypotheses=hypotheses,
        references=references,
        tokenization=args.tokenization,
        detokenizer=detokenizer(args.tokenization),
        model=identity,
    )


def finish(args: argparse.Namespace, identity: str, request: Request, answer: dict[str, Any]) -> None:
    """Write what the model said of one direction."""
    segments, scores = outputs_of(args, request.pair)
    signature = f"model:{Path(args.model).name}|nrefs:1|version:{answer['version']}"
    entries, rows = request.results(answer["scores"])
    write_json(scores, [entry | {"signature": signature, "pair": request.pair} for entry in entries])
    write_segments(segments, rows, {"pair": request.pair} | stamp(made_of(args, identity, request.pair), [scores]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="TRANSLATIONS", help="translations of one system")
    parser.add_argument("--pairs", type=parse_all, required=True, help="directions, separated by commas")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--tokenization", choices=("none", "moses"), default="none", help="how the text is tokenized")
    parser.add_argument("--model", required=True, help="name, checkpoint file, or folder of a model")
    parser.add_argument("--batch-size", type=int, default=16, help="segments scored at once")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs; 0 computes on the CPU")
    parser.add_argument("--python", type=Path, required=True, help="interpreter of COMET's environment")
    args = parser.parse_args()
    if not args.python.exists():
        raise UserError(f"{args.python} does not exist: make COMET's environment, `python3 envs/create.py comet`")
    directions = {str(one): one for one in args.pairs}
    identity = model_identity(args.model)
    outputs = {name: outputs_of(args, name) for name in directions}
    todo = outstanding("score_comet", outputs, lambda name: made_of(args, identity, name))
    if not todo:
        return
    requests = [prepare(directions[name], texts_of(args, name), args.tokenization) for name in todo]
    claim(args.gpus)
    with tempfile.TemporaryDirectory(prefix="comet-") as folder:
        for request in requests:
            target = Path(folder) / f"{request.pair}.segments.json"
            target.write_text(json.dumps(request.segments), encoding="utf-8")
        options = [f"--batch-size={args.batch_size}", f"--gpus={args.gpus}"]
        command = [args.python, "-m", "workflow_scripts.scoring.comet_worker", args.model, folder, *options]
        collect(args, identity, requests, Path(folder), subprocess.Popen(command))


def collect(
    args: argparse.Namespace, identity: str, requests: list[Request], folder: Path, worker: subprocess.Popen
) -> None:
    """Write every direction as soon as the worker has scored it."""
    progress = Progress(f"comet {args.folder.name}", len(requests), "directions")
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
                raise UserError(f"COMET failed at {waiting[0].pair} (exit code {worker.returncode}); see above")
            if not ready:
                time.sleep(0.2)
    finally:
        worker.terminate() if waiting else worker.wait()


if __name__ == "__main__":
    run(main)
