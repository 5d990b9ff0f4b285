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
    "formats.transformers_read",
    "formats.transformers_sets",
    "formats.transformers_tokenizer",
    "layers.specialized_ffn",
    "scoring.metric",
    "scoring.names",
)

LICENSE: Schema = {
    "type": "string",
    "default": "other",
    "description": "The model card's licence; other is one that is not stated.",
}


def read(path: Path) -> NamedModel:
    """See `Format`: the folder of an M2M100 model, or its weights, beside which its configuration lies."""
    from workflow_scripts.formats.transformers_read import read_model

    return read_model(path)


def digests(path: Path) -> dict[str, str]:
    """See `Format`: of the files with weights, and of the configuration."""
    from workflow_scripts.formats.transformers_files import model_digests

    return model_digests(path)


def write(folder: Path, exported: Exported, license: str) -> str:  # noqa: A002 - the option's name
    """See `Format`."""
    from workflow_scripts.formats import transformers_folder as folders
    from workflow_scripts.formats.transformers_card import Card, render

    manifest, rows = exported.manifest, exported.rows
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
    options={"license": LICENSE},
    refuses=refuses,
    whole=True,
    alone=True,
)
