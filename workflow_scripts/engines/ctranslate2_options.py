"""How the CTranslate2 engine searches, on what, and in which batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np
from numpy.typing import NDArray

from workflow_scripts.engines.search import Search


@dataclass(frozen=True)
class Options(Search):
    """`device` is `cpu`, `cuda` or `cuda:1`, `threads` the cores of one translation (0: as CTranslate2 likes).

    A batch also has at most `batch_sentences`: on a CPU, the beams of 80 are rows enough for fast matrix products, and
    more only take memory.
    """

    compute_type: str = "float32"
    device: str = "cpu"
    threads: int = 1
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
            if batch and (len(batch) == self.batch_sentences or (len(batch) + 1) * lengths[place] > self.max_tokens):
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch


def to_array(values: ctranslate2.StorageView) -> NDArray[np.float32]:
    """Values of any type on any device."""
    return np.array(values.to_device(ctranslate2.Device.cpu).to(ctranslate2.DataType.float32))
