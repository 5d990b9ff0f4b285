"""A Transformer as a CTranslate2 model: all of it, or encoder and decoder each on its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from ctranslate2.specs.model_spec import ModelSpec
from ctranslate2.specs.transformer_spec import TransformerEncoderModelSpec, TransformerSpec
from numpy.typing import NDArray
from torch import Tensor

from workflow_scripts.errors import UserError
from workflow_scripts.formats.architecture import Architecture
from workflow_scripts.formats.ctranslate2_specs import decoder_spec, encoder_spec, lookup_spec


def refuses(architecture: Architecture) -> Iterator[str]:
    """What of a model has no counterpart.

    CTranslate2 knows more activations than the ReLU, but small models are made by its constants.
    """
    yield from architecture.foreign
    if architecture.activation != "relu":
        yield f"the activation {architecture.activation}"


def convert(
    state: Mapping[str, Tensor], architecture: Architecture, dictionary: Sequence[str], compute_type: str, folder: Path
) -> None:
    """Write the model of `state` (named as in `architecture`) as a CTranslate2 model into the existing `folder`.

    `dictionary` holds the symbols in order, language tags included. Widths of FFN layers are those of the weights.
    Raises `UserError` for what CTranslate2 has no counterpart of.
    """
    _check(state, architecture, dictionary)
    spec = TransformerSpec(encoder_spec(state, architecture), decoder_spec(state, architecture))
    spec.register_source_vocabulary(_symbols(dictionary))
    spec.config.add_source_eos = True
    _save_translator(spec, dictionary, compute_type, folder)


def convert_encoder(
    state: Mapping[str, Tensor], architecture: Architecture, dictionary: Sequence[str], compute_type: str, folder: Path
) -> None:
    """Like `convert`, the encoder alone: a model for `ctranslate2.Encoder`."""
    _check(state, architecture, dictionary)
    spec = TransformerEncoderModelSpec(encoder_spec(state, architecture))
    spec.register_vocabulary(_symbols(dictionary))
    _save(spec, compute_type, folder)


def convert_decoder(
    state: Mapping[str, Tensor],
    architecture: Architecture,
    dictionary: Sequence[str],
    compute_type: str,
    folder: Path,
    outputs: NDArray[np.float32],
) -> None:
    """Like `convert`, the decoder alone: a translator of sentences whose encoder `outputs` [positions, d] are known.

    Its source symbols are their rows: a sentence with the outputs of rows 3 to 5 is `3 4 5`.
    """
    _check(state, architecture, dictionary)
    lookup = lookup_spec(outputs, architecture.max_source)
    spec = TransformerSpec(lookup, decoder_spec(state, architecture))
    spec.register_source_vocabulary([str(row) for row in range(len(outputs))])
    _save_translator(spec, dictionary, compute_type, folder)


def _save_translator(spec: TransformerSpec, dictionary: Sequence[str], compute_type: str, folder: Path) -> None:
    spec.register_target_vocabulary(_symbols(dictionary))
    spec.config.decoder_start_token = spec.config.eos_token
    _save(spec, compute_type, folder)


def _save(spec: ModelSpec, compute_type: str, folder: Path) -> None:
    spec.validate()
    spec.optimize(quantization=compute_type)
    spec.save(str(folder))


def _symbols(dictionary: Sequence[str]) -> list[str]:
    return ["<blank>" if symbol == "<pad>" else symbol for symbol in dictionary]


def _check(state: Mapping[str, Tensor], architecture: Architecture, dictionary: Sequence[str]) -> None:
    if reasons := list(refuses(architecture)):
        raise UserError(f"CTranslate2 has no counterpart of this model ({', '.join(reasons)})")
    rows = state["decoder.embed_tokens.weight"].shape[0]
    if rows != len(dictionary):
        raise UserError(f"the checkpoint has {rows} embeddings, dictionary and tags have {len(dictionary)} symbols")
