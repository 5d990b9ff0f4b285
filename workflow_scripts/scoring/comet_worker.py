"""Score segments with a COMET model: run by the interpreter of COMET's own environment, started by score_comet.

    .venv-comet/bin/python -m workflow_scripts.scoring.comet_worker MODEL FOLDER --batch-size 16 --gpus 0

For every `NAME.segments.json` in FOLDER, a list of objects with `src`, `mt` and `ref`, writes `NAME.scores.json`: the
`scores`, and the `version` of unbabel-comet. MODEL is a name, a checkpoint file, or a folder with
checkpoints/model.ckpt.
"""

from __future__ import annotations

import argparse
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any


def load(model: str) -> Any:
    """The model, from disk or, by its name, from COMET's hub."""
    from comet import download_model, load_from_checkpoint

    path = Path(model)
    if path.is_dir():
        path = path / "checkpoints" / "model.ckpt"
    if not path.is_file():
        path = Path(download_model(model))
    return load_from_checkpoint(str(path))


def write(path: Path, scores: list[float]) -> None:
    """Write the scores of one input; never half a file."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"scores": scores, "version": version("unbabel-comet")}))
    temporary.replace(path.with_name(path.name.replace(".segments.", ".scores.")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="name, checkpoint file, or folder of a model")
    parser.add_argument("folder", type=Path, help="folder of the segments")
    parser.add_argument("--batch-size", type=int, default=16, help="segments scored at once")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs; 0 computes on the CPU")
    args = parser.parse_args()
    model = load(args.model)
    options = {"batch_size": args.batch_size, "gpus": args.gpus, "progress_bar": False}
    inputs = {
        path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(args.folder.glob("*.segments.json"))
    }
    if args.gpus < 2:
        for path, segments in inputs.items():
            write(path, list(model.predict(segments, **options).scores))
        return
    # Several GPUs start this program again in further processes for every call: one call for all, the first one writes.
    prediction = model.predict([segment for segments in inputs.values() for segment in segments], **options)
    if prediction and "scores" in prediction:
        scores = iter(prediction.scores)
        for path, segments in inputs.items():
            write(path, [next(scores) for _ in segments])


if __name__ == "__main__":
    main()
