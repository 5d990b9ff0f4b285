"""How the CTranslate2 engine searches, and on what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np
from numpy.typing import NDArray

END, UNKNOWN = "</s>", "<unk>"


@dataclass(frozen=True)
class Options:
    """`max_length` counts the language tag but not the end of sentence, like fairseq's `--max-len-b`.

    `device` is `cpu`, `cuda` or `cuda:1`, `threads` the cores of one translation. A batch has up to `batch_tokens`
    source tokens with their padding and up to `batch_sentences`: on a CPU, the beams of 80 are rows enough for fast
    matrix products, and more only take memory.
    """

    beam: int = 5
    length_penalty: float = 1.0
    max_length: int = 200
    compute_type: str = "float32"
    device: str = "cpu"
    threads: int = 1
    batch_tokens: int = 12000
    batch_sentences: int = 80

    def batched(self, run: Callable[[list[Any]], Sequence[Any]], sentences: Sequence[Sequence[Any]]) -> list[Any]:
        """What `run` returns for batches of sentences of like length, in the order of `sentences`."""
        results: list[Any] = [None] * len(sentences)
        for places in self._batches([len(sentence) for sentence in sentences]):
            for place, result in zip(places, run([sentences[place] for place in places]), strict=True):
                results[place] = result
        return results

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Places in `lengths`, batch by batch."""
        batch: list[int] = []
        for place in np.argsort(lengths, kind="stable").tolist():
            if batch and (len(batch) == self.batch_sentences or (len(batch) + 1) * lengths[place] > self.batch_tokens):
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch


def to_array(values: ctranslate2.StorageView) -> NDArray[np.float32]:
    """Values of any type on any device."""
    return np.array(values.to_device(ctranslate2.Device.cpu).to(ctranslate2.DataType.float32))
