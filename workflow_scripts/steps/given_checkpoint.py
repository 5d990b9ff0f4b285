"""Take a trained checkpoint from a path or a download, check it, and write it in plain fairseq naming.

    python -m workflow_scripts.steps.given_checkpoint --source '{"gdrive": "ID", "sha256": null}' --name baseline \
        --data results/demo/data/manifest.json --output results/demo/baseline/checkpoint.pt
    python -m workflow_scripts.steps.given_checkpoint --source '{"path": "nllb", "format": "transformers"}' \
        --vocabulary results/demo/data/vocabulary.json … (the rest as above)

Refused: a wrong digest (the file is kept aside), objects that could run code, a dictionary or language list that does
not fit the data, weights that are no finite numbers. The source's `format` says how the model is stored, fairseq's
where it is left out (the published code's naming is recognized then, too); stale copies of weights are dropped. With
`--vocabulary`, as the step `pretrained_vocabulary` writes it, embeddings are put into the order of the data's
dictionary. A checkpoint that was made from the same file is left as it is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workflow_scripts import batch, errors
from workflow_scripts.corpus.download import fetch
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.errors import UserError
from workflow_scripts.files import code_version, digest, read_json
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
    "formats.sentencepiece_proto",
    "formats.transformers_files",
    "formats.transformers_rows",
    "formats.transformers_vocabulary",
)
RULES = ("given_checkpoint", "given_baseline", "given_system")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--source", type=json.loads, required=True, help="JSON: path, url or gdrive, perhaps sha256 and format"
    )
    parser.add_argument("--name", required=True, help="the system it belongs to")
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--vocabulary", type=Path, help="data/vocabulary.json of a pretrained model")
    parser.add_argument("--output", type=Path, required=True, help="checkpoint to write")
    return parser.parse_args()


def obtain(source: Mapping[str, Any], output: Path) -> Path:
    """The file, or the folder, as it came. Raises `UserError` when it is missing."""
    if "path" not in source:
        downloaded = output.with_name("downloaded.pt")
        fetch(downloaded, source.get("url"), source.get("gdrive"), source.get("sha256"))
        return downloaded
    path = Path(source["path"])
    if not path.exists():
        raise UserError(f"checkpoint {path} does not exist")
    return path


def digest_of(path: Path, source: Mapping[str, Any]) -> str:
    """The digest of what decides the model at `path`: of a file its SHA-256.

    Raises `UserError` when it has another digest than the one given: one, or one for each of several files.
    """
    found, wanted = READABLE[source.get("format", GIVEN)].digests(path), source.get("sha256") or {}
    first = next(iter(found))
    pins = {first: wanted} if isinstance(wanted, str) else wanted
    for name, pin in pins.items():
        if found.get(name) != pin:
            there = f"has SHA-256 {found[name]}" if name in found else "is not there"
            raise UserError(f"checkpoint {path}: {name} {there}, the configuration wants {pin}: another file?")
    return found[first] if len(found) == 1 else digest(found)


def made_from(args: argparse.Namespace, given: str, manifest: Manifest) -> dict[str, Any]:
    """What the checkpoint is made from: the file with digest `given`, checked against vocabulary and languages."""
    module = READABLE.module(args.source.get("format", GIVEN))
    tags = {"tags": read_json(args.vocabulary)["tags"]} if args.vocabulary else {}
    return batch.made_from("given_checkpoint", module, given_sha256=given, vocabulary=manifest.vocabulary, **tags)


def current(args: argparse.Namespace, given: str | None, manifest: Manifest) -> bool:
    """Whether the checkpoint of the file with digest `given` is there already, made from the same."""
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
        if not current(args, given := digest_of(path, args.source), manifest):
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
    named = READABLE[form].read(path)
    dictionary = transformer.read_dictionary(manifest)
    if args.vocabulary:
        from workflow_scripts.formats.transformers_rows import for_dictionary

        tags = read_json(args.vocabulary)["tags"]
        named = replace(for_dictionary(named, path, dictionary.symbols, tags), languages=manifest.languages)
    loaded = as_checkpoint(path, named)
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
