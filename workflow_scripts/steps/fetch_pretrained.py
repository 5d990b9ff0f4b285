"""Download a pretrained model from the Hugging Face hub.

    python -m workflow_scripts.steps.fetch_pretrained --name facebook/nllb-200-distilled-600M --revision COMMIT \\
        --output results/nllb/pretrained/files

writes what is read of it: configuration, weights, SentencePiece model, tokenizer. An interrupted download goes on where
it stopped (in `download` beside the folder). The digest of every file is printed; `--sha256` is that of the weights, or
JSON with digests by file, which they must have.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from workflow_scripts.errors import UserError, run
from workflow_scripts.formats import hub
from workflow_scripts.formats.transformers_files import chosen_weights

CODE = ("corpus.download", "corpus.transfer_limits", "formats.hub", "formats.transformers_files")


def check(found: Mapping[str, str], wanted: str | None) -> None:
    """Raise `UserError` where a file has another digest than is wanted (`{…}` by file, else that of the weights)."""
    if not wanted:
        return
    pins = json.loads(wanted) if wanted.startswith("{") else {str(chosen_weights(found)): wanted}
    for name, pin in pins.items():
        if found.get(name) != pin:
            raise UserError(f"{name} has SHA-256 {found.get(name)}, baseline.checkpoint.sha256 wants {pin}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="of the model, with its owner")
    parser.add_argument("--revision", required=True, help="the commit, 40 hexadecimal digits")
    parser.add_argument("--sha256", help="digest that the weights must have")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    args = parser.parse_args()

    place = args.output.with_name("download")
    place.mkdir(parents=True, exist_ok=True)
    found = hub.download(args.name, args.revision, place)
    for name, sha256 in found.items():
        print(f"[pretrained] {name}: SHA-256 {sha256}")
    check(found, args.sha256)
    hub.settle(place, found, args.output)
    print(f"[pretrained] {args.name} is in {args.output}")


if __name__ == "__main__":
    run(main)
