"""Take a trained checkpoint from a path or a download, check it, and write it in plain fairseq naming.

    python -m workflow_scripts.steps.given_checkpoint --source '{"gdrive": "ID", "sha256": null}' --name baseline \
        --data results/demo/data/manifest.json --output results/demo/baseline/checkpoint.pt

Refused: a wrong digest (the file is kept aside), objects that could run code, a dictionary or language list that does
not fit the data. Weights in the naming of the published Neuron Specialization code are renamed, stale copies dropped.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.corpus.download import fetch
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version, sha256


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=json.loads, required=True, help="JSON: path, url or gdrive, and sha256")
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


def main() -> None:
    args = parse()
    manifest = read_manifest(args.data)
    path = obtain(args.source, args.output)
    from workflow_scripts.fairseq_plugin import model as transformer
    from workflow_scripts.formats import checkpoint

    given = checkpoint.read_checkpoint(path)
    dictionary = transformer.read_dictionary(manifest)
    transformer.check_fit(given, manifest, dictionary)
    model = transformer.build_model(given, dictionary)
    made = {**given.provenance, "given_sha256": given.sha256, "given_as": args.name, "code_version": code_version()}
    checkpoint.write_plain(given, model, args.output, made)
    print(f"[checkpoint] {args.name} · {sum(p.numel() for p in model.parameters()):,} weights · {path}", flush=True)


if __name__ == "__main__":
    errors.run(main)
