"""Score segments with a COMET model: run by the interpreter of COMET's own environment, started by score_comet.

    .venv-comet/bin/python -m workflow_scripts.scoring.comet_worker MODEL FOLDER --batch-size 16 --gpus 0

For every `NAME.segments.json` in FOLDER, a list of objects with `src`, `mt` and `ref`, writes `NAME.scores.json`: the
`scores`, and what they depend on besides the segments: the `version` of unbabel-comet, the `precision` of the weights,
the version of `python` and the `sha256` of the checkpoint; in one line, `sacrecomet`. MODEL is a name, a checkpoint
file, or a folder with checkpoints/model.ckpt.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def found(model: str) -> Path:
    """The checkpoint, on disk or, by its name, from COMET's hub."""
    from comet import download_model

    path = Path(model)
    if path.is_dir():
        path = path / "checkpoints" / "model.ckpt"
    return path if path.is_file() else Path(download_model(model))


def facts(model: Any, checkpoint: Path) -> dict[str, str]:
    """What scores depend on besides the segments."""
    kind = str(next(model.parameters()).dtype).removeprefix("torch.")
    with checkpoint.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "version": version("unbabel-comet"),
        "precision": PRECISIONS.get(kind, kind),
        "python": platform.python_version(),
        "sha256": digest,
    }


def sacrecomet(model: str, references: int, said: dict[str, str]) -> str:
    """How Zouhar et al. (2024) ask to report COMET: `Python3.11.8|Comet2.2.2|fp32|Unbabel/wmt22-comet-da|r1`."""
    return f"Python{said['python']}|Comet{said['version']}|{said['precision']}|{model}|r{references}"


def write(path: Path, scores: list[float], said: dict[str, str]) -> None:
    """Write the scores of one input; never half a file."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"scores": scores, **said}))
    temporary.replace(path.with_name(path.name.replace(".segments.", ".scores.")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="name, checkpoint file, or folder of a model")
    parser.add_argument("folder", type=Path, help="folder of the segments")
    parser.add_argument("--batch-size", type=int, default=16, help="segments scored at once")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs; 0 computes on the CPU")
    args = parser.parse_args()
    from comet import load_from_checkpoint

    checkpoint = found(args.model)
    model = load_from_checkpoint(str(checkpoint))
    said = facts(model, checkpoint)
    options = {"batch_size": args.batch_size, "gpus": args.gpus, "progress_bar": False}
    inputs = {
        path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(args.folder.glob("*.segments.json"))
    }
    references = int(any("ref" in segment for segments in inputs.values() for segment in segments))
    said["sacrecomet"] = sacrecomet(args.model, references, said)
    if args.gpus < 2:
        for path, segments in inputs.items():
            write(path, list(model.predict(segments, **options).scores), said)
        return
    # Several GPUs start this program again in further processes for every call: one call for all, the first one writes.
    prediction = model.predict([segment for segments in inputs.values() for segment in segments], **options)
    if prediction and "scores" in prediction:
        scores = iter(prediction.scores)
        for path, segments in inputs.items():
            write(path, [next(scores) for _ in segments], said)


if __name__ == "__main__":
    main()
