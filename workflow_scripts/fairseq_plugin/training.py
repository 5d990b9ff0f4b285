"""One process of a training: fairseq's trainer, driven by a job file that `workflow_scripts.steps.train` wrote.

    python -m workflow_scripts.fairseq_plugin.training results/demo/baseline/run/job.json

Started once per GPU by torch's launcher where there are several. The exit code is 0 as well when
it was told to stop: state.json in the work folder says whether training is over. The same command goes on from there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from workflow_scripts import errors
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.fairseq_plugin import chunked_criterion, compat, task  # noqa: F401 - adapts fairseq, registers
from workflow_scripts.fairseq_plugin.loop import Interrupted, Loop
from workflow_scripts.fairseq_plugin.model import check_fit, read_dictionary
from workflow_scripts.formats.checkpoint import architecture, read_checkpoint
from workflow_scripts.progress import Progress
from workflow_scripts.training import work_folder
from workflow_scripts.training.course import Choice, Reached, over

from fairseq import options  # isort: skip
from fairseq.dataclass.utils import convert_namespace_to_omegaconf  # isort: skip
from fairseq.distributed import utils as distributed  # isort: skip
from fairseq_cli import train  # isort: skip


class Curve(logging.Handler):
    """Takes the numbers fairseq logs: appends them to the curve, and shows people how far training is."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__()
        self.path, self.progress = path, progress
        self.last = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """One line of JSON per logged interval or validation, with the seconds since the one before, or the start."""
        if record.name not in ("train_inner", "valid"):
            return
        numbers = json.loads(record.getMessage())
        prefix = "valid_" if record.name == "valid" else ""
        before, self.last = self.last, time.monotonic()
        row = {
            "update": int(numbers[f"{prefix}num_updates"]),
            "split": "valid" if prefix else "train",
            **{
                name: float(numbers[prefix + name])
                for name in ("loss", "nll_loss", "lr", "gnorm", "ups", "wps")
                if numbers.get(prefix + name) is not None
            },
            "seconds": round(self.last - before, 2),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.progress.update(row["update"], f"{'validation ' if prefix else ''}loss {row['loss']:.3f}")


def settings(job: dict[str, Any]) -> Any:
    """fairseq's configuration of the job, its architecture taken from the starting checkpoint where there is one."""
    parser = options.get_training_parser()
    args = options.parse_args_and_arch(parser, input_args=job["arguments"])
    if job["start"]:
        start, manifest = read_checkpoint(job["start"]), read_manifest(job["data"])
        check_fit(start, manifest, read_dictionary(manifest))
        vars(args).update(architecture(start.args))
    if not torch.cuda.is_available():
        # Without GPUs processes talk by gloo, whatever the configuration hoped for.
        args.distributed_backend = "gloo"
    return convert_namespace_to_omegaconf(args)


def run(job: dict[str, Any]) -> None:
    """Train, or go on training, until the job's end. Raises `Interrupted` when told to stop before.

    Raises `UserError` where loss or gradients are no numbers any more.
    """
    choice, last = Choice(**job["choice"]), Path(job["folder"], work_folder.LAST)
    reached = work_folder.read_state(last) or Reached()
    if over(reached, choice):
        return
    loop = Loop(choice, replace(reached, made=job["made"], codes=job["codes"]))
    train.validate_and_save = loop
    cfg = settings(job)
    if os.environ.get("RANK", "0") == "0":
        progress = Progress(job["name"], choice.max_update, "updates", done=reached.update)
        if not (cfg.common.cpu or torch.cuda.is_available()):
            print(f"[{job['name']}] no GPU is to be seen (training.gpus is not 0): this trains on the CPU", flush=True)
        logging.getLogger().addHandler(Curve(last.with_name(work_folder.LOGGED), progress))
    try:
        distributed.call_main(cfg, train.main)
    except FloatingPointError as error:
        # fairseq leaves all there is of a crash: as large as a checkpoint, and never read.
        last.with_name("crash.pt").unlink(missing_ok=True)
        raise loop.diverged(str(error)) from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=Path, help="job.json")
    job = json.loads(parser.parse_args().job.read_text(encoding="utf-8"))
    logging.basicConfig(filename=job["log"], level=logging.INFO, format="%(asctime)s %(name)s %(message)s", force=True)
    logging.captureWarnings(True)
    with contextlib.suppress(Interrupted):
        run(job)


if __name__ == "__main__":
    errors.run(main)
