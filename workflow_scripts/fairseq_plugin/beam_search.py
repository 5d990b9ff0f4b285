"""The reference engine: fairseq's beam search, one direction at a time, its masks applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from workflow_scripts.direction import tag
from workflow_scripts.engines.hypothesis import Hypothesis
from workflow_scripts.fairseq_plugin.datasets import batches, collate

from fairseq.data import Dictionary, LanguagePairDataset  # isort: skip
from fairseq.sequence_generator import SequenceGenerator  # isort: skip


@dataclass(frozen=True)
class Search:
    """Beam search settings; lengths in pieces, `max_tokens` in source tokens of a batch."""

    beam: int = 5
    length_penalty: float = 1.0
    max_length: int = 200
    max_tokens: int = 12000


@torch.inference_mode()
def translate(
    model: nn.Module, dictionary: Dictionary, dataset: LanguagePairDataset, target: str, search: Search
) -> Iterator[tuple[int, Hypothesis]]:
    """Translate a direction of a data-bin into language `target`: `(line from 0, best hypothesis)` in any order.

    The target tag is forced as the first token; its log-probability and length count in the score, as fairseq has it.
    """
    where = next(model.parameters()).device
    first = dictionary.index(tag(target))
    generator = SequenceGenerator(
        [model],
        dictionary,
        beam_size=search.beam,
        max_len_a=0,
        max_len_b=search.max_length,
        len_penalty=search.length_penalty,
        symbols_to_strip_from_output={first},
    )
    for lines in batches(dataset, search.max_tokens, None):
        batch = collate(dataset, lines)
        inputs = {name: value.to(where) for name, value in batch["net_input"].items() if name != "prev_output_tokens"}
        prefix = torch.full((len(lines), 1), first, device=where)
        for line, found in zip(
            batch["id"].tolist(), generator.generate([model], {"net_input": inputs}, prefix_tokens=prefix), strict=True
        ):
            best = found[0]
            tokens = [dictionary[index] for index in best["tokens"].tolist() if index not in (first, dictionary.eos())]
            yield line, Hypothesis(tokens, float(best["score"]))
