"""Folders of `transformers`: read, and written with tokenizer, model card and, for a whole model, its neuron sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workflow_scripts.direction import joined, tag
from workflow_scripts.errors import UserError
from workflow_scripts.formats.format import Exported, Format, Schema

if TYPE_CHECKING:
    from workflow_scripts.formats.architecture import Architecture, NamedModel

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "formats.architecture",
    "formats.format",
    "formats.checkpoint",
    "formats.peek",
    "formats.sentencepiece_proto",
    "formats.transformers_card",
    "formats.transformers_files",
    "formats.transformers_folder",
    "formats.transformers_model",
    "formats.transformers_original",
    "formats.transformers_read",
    "formats.transformers_rows",
    "formats.transformers_sets",
    "formats.transformers_tokenizer",
    "formats.transformers_vocabulary",
    "layers.specialized_ffn",
    "scoring.metric",
    "scoring.names",
)

LICENSE: Schema = {
    "type": "string",
    "default": "other",
    "description": "The model card's licence; other is one that is not stated.",
}
ORIGINAL: Schema = {
    "type": ["string", "null"],
    "default": None,
    "description": (
        "Folder of the pretrained model that the run began from: its tokenizer and tags are written, and the trained "
        "rows of its vocabulary are put back among all of its rows."
    ),
}


def read(path: Path) -> NamedModel:
    """See `Format`: the folder of an M2M100 model, or its weights, beside which its configuration lies."""
    from workflow_scripts.formats.transformers_read import read_model

    return read_model(path)


def digests(path: Path) -> dict[str, str]:
    """See `Format`: of the files with weights, and of the configuration."""
    from workflow_scripts.formats.transformers_files import model_digests

    return model_digests(path)


def write(folder: Path, exported: Exported, license: str, original: str | None) -> str:  # noqa: A002 - the option's name
    """See `Format`."""
    from workflow_scripts.formats import transformers_folder as folders
    from workflow_scripts.formats.transformers_card import Card, render
    from workflow_scripts.formats.transformers_original import copy_tokenizer, with_all_rows
    from workflow_scripts.formats.transformers_original import tags_of as original_tags

    manifest, rows = exported.manifest, exported.rows
    called = {}
    if not manifest.sentencepiece:
        raise UserError(
            f"{manifest.path} names no SentencePiece model, so no tokenizer can be written: set data.sentencepiece"
        )
    model = folders.Model(
        state=exported.model.weights,
        architecture=exported.model.architecture,
        symbols=exported.symbols,
        tags=[tag(language) for language in manifest.languages],
        sentencepiece=manifest.sentencepiece,
        search=exported.search,
        provenance=folders.provenance(exported.version, exported.checkpoint, exported.pair, rows),
    )
    if original:
        tags = original_tags(manifest)
        model, numbers = with_all_rows(model, Path(original), tags)
        called = {code: (name, numbers[tag(code)]) for code, name in tags.items()}
        copy_tokenizer(Path(original), folder)
        target = exported.pair.tags[1] if exported.pair else None
        folders.write_model(folder, model, exported.pair, rows, numbers[target] if target else None)
        written = folders.Written(model.architecture.shared == "all", beyond=0, normalizes=True)
    else:
        written = folders.write_folder(folder, model, exported.pair, rows)
    card = Card(
        system=exported.system,
        pair=exported.pair,
        directions=exported.directions,
        masked=bool(rows),
        version=exported.version,
        licence=license,
        written=written,
        tokenization=manifest.tokenization,
        neurons=exported.neurons if exported.pair else "",
        data={
            "languages": ", ".join(manifest.languages),
            "training data": f"{joined(manifest.pairs)}, fingerprint `{manifest.fingerprint}`",
            "dictionary": f"{len(exported.symbols)} symbols, SHA-256 `{manifest.content['dictionary_sha256']}`",
        },
        scores=exported.scores,
        tags=called,
    )
    return render(card)


def refuses(architecture: Architecture) -> Iterator[str]:
    """See `Format`."""
    from workflow_scripts.formats.transformers_model import refuses as beyond_m2m100

    return beyond_m2m100(architecture)


FORMAT = Format(
    summary="a folder for transformers",
    read=read,
    digests=digests,
    write=write,
    options={"license": LICENSE, "original": ORIGINAL},
    refuses=refuses,
    whole=True,
    alone=True,
)
