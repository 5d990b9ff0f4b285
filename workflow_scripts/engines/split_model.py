"""Encoder and decoder of one direction as two CTranslate2 models, so that a sentence is encoded once.

A translator would encode anew for each of the passes that the engine makes. Here an encoder comes first, and its
outputs become the embeddings of the translator's source symbols, whose own encoder does nothing but look them up.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from workflow_scripts.engines.ctranslate2_options import Options, to_array
from workflow_scripts.engines.search import END, UNKNOWN
from workflow_scripts.formats.architecture import Architecture
from workflow_scripts.formats.ctranslate2_model import convert_decoder, convert_encoder
from workflow_scripts.formats.folded import Kept, aligned, folded_state


class SplitModel:
    """The models of one checkpoint; model folders are temporary and gone as soon as they are loaded.

    `state` is named as in `formats.architecture`, `dictionary` has the symbols in order with the language tags.
    """

    def __init__(
        self, state: Mapping[str, Tensor], architecture: Architecture, dictionary: Sequence[str], options: Options
    ) -> None:
        self.state, self.architecture, self.dictionary, self.options = state, architecture, dictionary, options
        self._index = {symbol: index for index, symbol in enumerate(dictionary)}
        self._encoder: ctranslate2.Encoder | None = None

    def select(self, kept: Kept | None) -> None:
        """Be the small model of these neurons from now on; None: the dense one. What is loaded already stays."""
        key = None if kept is None else {layer: np.asarray(neurons).tobytes() for layer, neurons in kept.items()}
        if self._encoder is None or self._key != key:
            self._encoder = None
            self._key, self._state = key, self.state if kept is None else folded_state(self.state, kept, aligned)
            self._encoder = self._load(ctranslate2.Encoder, convert_encoder)

    def encoded(self, sentences: Sequence[Sequence[str]]) -> tuple[ctranslate2.Translator, list[list[str]]]:
        """A translator of exactly these sentences, without end of sentence, and each of them in its source symbols."""
        indices = [
            [self._index.get(symbol, self._index[UNKNOWN]) for symbol in (*symbols, END)] for symbols in sentences
        ]
        outputs = self.options.batched(self._encode, indices)
        ends = np.cumsum([len(line) for line in indices])
        names = [[str(row) for row in range(end - len(line), end)] for end, line in zip(ends, indices, strict=True)]
        return self._load(ctranslate2.Translator, convert_decoder, np.concatenate(outputs)), names

    def _encode(self, batch: list[list[int]]) -> list[NDArray[np.float32]]:
        """Encoder outputs [length, d] of each sentence."""
        padded = to_array(self._encoder.forward_batch(batch).last_hidden_state)
        return [outputs[: len(line)] for outputs, line in zip(padded, batch, strict=True)]

    def _load(self, model: type, convert: Callable[..., None], *more: Any) -> Any:
        kind, _, number = self.options.device.partition(":")
        with tempfile.TemporaryDirectory(prefix="ct2-") as folder:
            convert(self._state, self.architecture, self.dictionary, self.options.compute_type, Path(folder), *more)
            return model(
                folder,
                device=kind,
                device_index=int(number or 0),
                compute_type=self.options.compute_type,
                intra_threads=self.options.threads,
            )
