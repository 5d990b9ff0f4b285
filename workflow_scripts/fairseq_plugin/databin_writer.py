"""Write token ids as fairseq's memory-mapped data, byte for byte as `fairseq-preprocess` does, in this process."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import torch

from workflow_scripts.fairseq_plugin import compat  # noqa: F401
from workflow_scripts.files import replacing

from fairseq.data import Dictionary, indexed_dataset  # isort: skip


def load_dictionary(path: str | Path) -> Dictionary:
    """fairseq's dictionary of a file (without language tags)."""
    return Dictionary.load(str(path))


def write_data(prefixes: list[Path], sentences: Iterable[tuple[list[str], ...]], dictionary: Dictionary) -> list[int]:
    """Write parallel sentences, one tuple of piece lists per line, as `{prefix}.bin` and `{prefix}.idx` per side.

    Returns for each side how many pieces the dictionary does not know (they become `<unk>`). Every sentence ends with
    `</s>`; ids are stored in the smallest type that holds the dictionary.
    """
    unknown, known, missing = [0] * len(prefixes), dictionary.indices, dictionary.unk()
    with ExitStack() as stack:
        files = [[stack.enter_context(replacing(f"{prefix}.{kind}")) for kind in ("bin", "idx")] for prefix in prefixes]
        builders = [
            indexed_dataset.make_builder(str(data), impl="mmap", vocab_size=len(dictionary)) for data, _ in files
        ]
        for sentence in sentences:
            for side, pieces in enumerate(sentence):
                # What `dictionary.index` says, without a call for each of hundreds of millions of pieces.
                ids = [known.get(piece, missing) for piece in pieces]
                unknown[side] += ids.count(missing)
                builders[side].add_item(torch.IntTensor([*ids, dictionary.eos()]))
        for builder, (_, index) in zip(builders, files, strict=True):
            builder.finalize(str(index))
    return unknown
