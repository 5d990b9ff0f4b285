"""Which rows of a pretrained model's embeddings a run's dictionary has, and their model in its order; and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from workflow_scripts.errors import UserError
from workflow_scripts.formats.architecture import COMPONENTS, EMBEDDINGS, PROJECTION, NamedModel
from workflow_scripts.formats.transformers_vocabulary import read_vocabulary, run_symbols

TABLES = (*map(EMBEDDINGS.format, COMPONENTS), PROJECTION)


def rows_of(folder: Path, symbols: Sequence[str], tags: Mapping[str, str]) -> list[int]:
    """The row of each of a dictionary's `symbols` in the model of `folder`; `tags` are those of the run's languages.

    Raises `UserError` where one has none: the dictionary is of another model.
    """
    numbers = {symbol: row for row, symbol in enumerate(run_symbols(read_vocabulary(folder), tags))}
    if unknown := [symbol for symbol in symbols if symbol not in numbers]:
        raise UserError(
            f"{len(unknown)} symbols of the data's dictionary ({unknown[0]!r} first) are none of {folder}: the text "
            "was cut by another model's vocabulary; make the data again"
        )
    return [numbers[symbol] for symbol in symbols]


def for_dictionary(model: NamedModel, path: Path, symbols: Sequence[str], tags: Mapping[str, str]) -> NamedModel:
    """The model at `path` with the embeddings of `symbols` alone, in their order."""
    rows = rows_of(path if path.is_dir() else path.parent, symbols, tags)
    if rows == list(range(len(model.weights[PROJECTION]))):
        return model
    return replace(model, weights=_with_tables(model.weights, lambda table: table[torch.tensor(rows)]))


def put_back(weights: Mapping[str, Tensor], rows: Sequence[int], whole: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`weights` with tables of all rows: their own in `rows`, those of the `whole` model elsewhere."""

    def filled(name: str) -> Tensor:
        table = whole[name].clone()
        table[torch.tensor(rows)] = weights[name].to(table.dtype)
        return table

    return {**weights, **{name: filled(name) for name in TABLES}}


def _with_tables(weights: Mapping[str, Tensor], change: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """`weights` with each table changed; what is one table stays one."""
    changed = {weights[name].data_ptr(): change(weights[name]) for name in TABLES}
    return {**weights, **{name: changed[weights[name].data_ptr()] for name in TABLES}}
