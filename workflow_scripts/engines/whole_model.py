"""A CTranslate2 model on disk, encoder and decoder in one, to search with.

It encodes a sentence once in each of the engine's passes, and needs neither torch nor the checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import ctranslate2

from workflow_scripts.engines.ctranslate2_options import Options

if TYPE_CHECKING:
    from workflow_scripts.formats.folded import Kept


class WholeModel:
    """The model in `folder`, of one direction or dense; loaded when it is first needed."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder, self.options = folder, options
        self._translator: ctranslate2.Translator | None = None

    def select(self, kept: Kept | None) -> None:
        """Nothing to do: it was made for its neurons."""

    def encoded(self, sentences: Sequence[Sequence[str]]) -> tuple[ctranslate2.Translator, list[list[str]]]:
        """The translator, and the sentences as they are."""
        if self._translator is None:
            kind, _, number = self.options.device.partition(":")
            self._translator = ctranslate2.Translator(
                str(self.folder),
                device=kind,
                device_index=int(number or 0),
                compute_type=self.options.compute_type,
                intra_threads=self.options.threads,
            )
        return self._translator, [list(symbols) for symbols in sentences]


def best_device() -> str:
    """`cuda` where CTranslate2 sees a GPU, else `cpu`."""
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
