"""The text of one direction of a data-bin, as batches for the model."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.corpus.parallel import file_name
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import compat  # noqa: F401 - before anything of fairseq

from fairseq.data import (  # isort: skip
    AppendTokenDataset,
    ConcatDataset,
    Dictionary,
    LanguagePairDataset,
    ListDataset,
    PrependTokenDataset,
    StripTokenDataset,
    TruncateDataset,
    data_utils,
)

BATCH_MULTIPLE = 8
"""fairseq's default: larger batches hold a multiple of eight sentences (the published counts depend on it)."""

log = logging.getLogger(__name__)


def load_direction(
    folders: Sequence[Path], split: str, pair: Direction, dictionary: Dictionary, max_source: int | None = None
) -> LanguagePairDataset:
    """One direction of a split, of all data-bin `folders` one after the other, as far as they have it.

    Source `__src__ …`, target `__tgt__ …`, padding on the right of both; `dictionary` has the language tags. One set of
    files serves both directions; sources longer than `max_source` tokens (tag and end included) are cut. Raises
    `UserError` where no folder has it.
    """
    texts = [text_of(folders, split, pair, language, dictionary) for language in pair.languages]
    if max_source and (long := int((texts[0].sizes > max_source - 1).sum())):
        log.warning("%s: %d sources are longer than the model's %d positions and are cut", pair, long, max_source)
        cut = TruncateDataset(StripTokenDataset(texts[0], dictionary.eos()), max_source - 2)
        texts[0] = AppendTokenDataset(cut, dictionary.eos())
    sides = [PrependTokenDataset(text, dictionary.index(tag)) for text, tag in zip(texts, pair.tags, strict=True)]
    return LanguagePairDataset(
        sides[0],
        sides[0].sizes,
        dictionary,
        sides[1],
        sides[1].sizes,
        dictionary,
        left_pad_source=False,
        left_pad_target=False,
        shuffle=False,
    )


def text_of(folders: Sequence[Path], split: str, pair: Direction, language: str, dictionary: Dictionary) -> Any:
    """One side of a pair in a split, as it lies in the data-bin `folders`, one after the other: without tags.

    Raises `UserError` where no folder has it.
    """
    prefixes = [folder / file_name(split, name, language) for folder in folders for name in (pair, pair.reverse)]
    found = [
        data_utils.load_indexed_dataset(str(prefix), dictionary)
        for prefix in prefixes
        if prefix.with_name(f"{prefix.name}.idx").exists()
    ]
    if not found:
        places, name = ", ".join(map(str, folders)), file_name(split, pair, language)
        raise UserError(f"no {split} text of direction {pair}: {places} lacks {name}.idx")
    return ConcatDataset(found) if len(found) > 1 else found[0]


def as_dataset(tagged: Sequence[Sequence[str]], dictionary: Dictionary) -> LanguagePairDataset:
    """Sources of dictionary symbols with their tag, to be translated: without targets."""
    lines = [torch.tensor([*map(dictionary.index, tokens), dictionary.eos()]) for tokens in tagged]
    sizes = np.array([len(line) for line in lines])
    return LanguagePairDataset(ListDataset(lines, sizes), sizes, dictionary, left_pad_source=False, shuffle=False)


def batches(dataset: LanguagePairDataset, max_tokens: int, max_positions: int | None) -> Iterator[list[int]]:
    """Line numbers (from 0) of batches of similar length whose longer side has at most `max_tokens` tokens, padded.

    Lines longer than `max_positions` tokens on a side are left out, and said so in the log.
    """
    indices = dataset.ordered_indices()
    if max_positions:
        indices, ignored = dataset.filter_indices_by_size(indices, (max_positions, max_positions))
        if ignored:
            lines = ", ".join(str(index + 1) for index in sorted(ignored)[:10])
            log.warning("left out %d lines longer than %d pieces: line %s …", len(ignored), max_positions, lines)
    if len(indices) and (longest := int(dataset.num_tokens_vec(indices).max())) > max_tokens:
        raise UserError(f"max_tokens is {max_tokens}, but there is a line of {longest} tokens: set it to that or more")
    for batch in dataset.batch_by_size(indices, max_tokens=max_tokens, required_batch_size_multiple=BATCH_MULTIPLE):
        yield np.asarray(batch).tolist()


def pieces(dataset: LanguagePairDataset, side: str, dictionary: Dictionary) -> list[list[str]]:
    """The symbols of side `src` or `tgt`, line by line, without tag and end of sentence."""
    text = getattr(dataset, side)
    return [[dictionary[index] for index in text[line].tolist()[1:-1]] for line in range(len(text))]


def collate(dataset: LanguagePairDataset, lines: list[int]) -> dict[str, Any]:
    """One batch, as fairseq's models and criteria take it."""
    return dataset.collater([dataset[line] for line in lines])
