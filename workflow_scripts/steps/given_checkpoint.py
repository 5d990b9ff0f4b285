"""Take a trained checkpoint from a path or a download, check it, and write it in plain fairseq naming.

    python -m workflow_scripts.steps.given_checkpoint --source '{"gdrive": "ID", "sha256": null}' --name baseline \
        --data results/demo/data/manifest.json --output results/demo/baseline/checkpoint.pt

Refused: a wrong digest (the file is kept aside), objects that could run code, a dictionary or language list that does
not fit the data, weights that are no finite numbers. The source's `format` says how the model is stored, fairseq's
where it is left out (the published code's naming is recognized then, too); stale copies of weights are dropped. A
checkpoint that was made from the same file is left as it is.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from workflow_scripts import batch, errors
from workflow_scripts.corpus.download import fetch
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version, digest, sha256
from workflow_scripts.formats import GIVEN, READABLE
from workflow_scripts.training import provenance

CODE = (
    "corpus.download",
    "corpus.manifest",
    "corpus.parallel",
    "corpus.transfer_limits",
    "fairseq_plugin.compat",
    "fairseq_plugin.model",
    "fairseq_plugin.shards",
    "formats.architecture",
    "formats.checkpoint",
    "formats.fairseq_content",
    "formats.fairseq_settings",
    "formats.format",
    "formats.given_weights",
    "formats.peek",
)
RULES = ("given_checkpoint", "given_baseline", "given_system")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--source", type=json.loads, required=True, help="JSON: path, url or gdrive, perhaps sha256 and format"
    )
    parser.add_argument("--name", required=True, help="the system it belongs to")
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--output", type=Path, required=True, help="checkpoint to write")
    return parser.parse_args()


def obtain(source: dict[str, str | None], output: Path) -> Path:
    """The file as it came. Raises `UserError` when it is missing or has another digest than the one given."""
    if "path" not in source:
        downloaded = output.with_name("downloaded.pt")
        fetch(downloaded, source.get("url"), source.get("gdrive"), source.get("sha256"))
        return downloaded
    path = Path(source["path"])
    if not path.is_file():
        raise UserError(f"checkpoint {path} does not exist")
    found, wanted = sha256(path), source.get("sha256")
    if wanted and found != wanted:
        raise UserError(f"checkpoint {path} has SHA-256 {found}, the configuration wants {wanted}: another file?")
    return path


def made_from(args: argparse.Namespace, given: str, manifest: Manifest) -> dict[str, Any]:
    """What the checkpoint is made from: the file with SHA-256 `given`, checked against vocabulary and languages."""
    module = READABLE.module(args.source.get("format", GIVEN))
    return batch.made_from("given_checkpoint", module, given_sha256=given, vocabulary=manifest.vocabulary)


def current(args: argparse.Namespace, given: str | None, manifest: Manifest) -> bool:
    """Whether the checkpoint of the file with SHA-256 `given` is there already, made from the same."""
    if not given or any(batch.recompute(rule, [args.output]) for rule in RULES):
        return False
    return provenance.read(args.output).get("made_from") == digest(made_from(args, given, manifest))


def main() -> None:
    args = parse()
    manifest = read_manifest(args.data)
    # A download whose digest is known need not be there any more.
    pinned = None if "path" in args.source else args.source.get("sha256")
    if not current(args, pinned, manifest):
        path = obtain(args.source, args.output)
        if not current(args, given := sha256(path), manifest):
            take(args, path, given, manifest)
            return
    batch.renew([args.output])
    print(f"[checkpoint] {args.name} · current", flush=True)


def take(args: argparse.Namespace, path: Path, given: str, manifest: Manifest) -> None:
    """Check the file at `path` and write it in plain naming, with what it said of itself under `given`."""
    from workflow_scripts.fairseq_plugin import model as transformer
    from workflow_scripts.formats import checkpoint
    from workflow_scripts.formats.fairseq_content import as_checkpoint
    from workflow_scripts.formats.given_weights import OF_FAIRSEQ, check_content, check_numbers

    form = args.source.get("format", GIVEN)
    if form in OF_FAIRSEQ:
        check_content(path)
    loaded = as_checkpoint(path, READABLE[form].read(path))
    dictionary = transformer.read_dictionary(manifest)
    transformer.check_fit(loaded, manifest, dictionary)
    check_numbers(loaded)
    try:
        model = transformer.build_model(loaded, dictionary)
    except UserError:
        raise
    except Exception as error:  # settings from elsewhere can make fairseq fail in any way
        raise UserError(
            f"checkpoint {path}: fairseq makes no model of its settings ({type(error).__name__}: {error}); was it "
            "changed by hand, or trained by another version?"
        ) from error
    about = {
        "system": args.name,
        "step": "given_checkpoint",
        "given": loaded.provenance,
        # Wherever it was trained, it is to be decoded with the masks it was trained under.
        "masks": loaded.provenance.get("masks"),
        "weights_sha256": checkpoint.weights_digest(model.state_dict()),
        "code_version": code_version(),
    }
    checkpoint.write_plain(loaded, model, args.output, batch.stamp(made_from(args, given, manifest)) | about)
    print(f"[checkpoint] {args.name} · {sum(p.numel() for p in model.parameters()):,} weights · {path}", flush=True)


if __name__ == "__main__":
    errors.run(main)
