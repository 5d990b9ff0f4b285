"""The reference engine: fairseq's beam search, one direction at a time, as the system has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn

from workflow_scripts.direction import Direction
from workflow_scripts.engines.hypothesis import Hypothesis
from workflow_scripts.engines.search import Search, refuse_longer
from workflow_scripts.engines.system_model import SystemModel
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.fairseq_plugin.datasets import as_dataset, batches, collate

from fairseq.data import Dictionary, LanguagePairDataset  # isort: skip
from fairseq.sequence_generator import SequenceGenerator  # isort: skip


class BeamSearch:
    """A system's model, what the system does to it, and fairseq's generator (see `engines.engine.Opened`)."""

    def __init__(self, model: SystemModel, search: Search, device: str) -> None:
        self.search = search
        self.longest = model.architecture.max_source
        self.dictionary = transformer.read_dictionary(model.manifest)
        self.model = transformer.empty_model(model.loaded, self.dictionary)
        self.effect = model.variant.attach(self.model, state=model.loaded.state)
        transformer.filled(self.model, model.loaded)
        self.model.to(transformer.device(device))

    def nbest(self, sources: Sequence[Sequence[str]], pair: Direction, count: int) -> list[list[Hypothesis]]:
        """Up to `count` translations of each sentence, best first."""
        if self.effect:
            self.effect.activate(str(pair))
        if not sources:
            return []
        first, last = pair.tags
        tagged = [[first, *tokens] for tokens in sources]
        refuse_longer(tagged, self.longest)
        dataset = as_dataset(tagged, self.dictionary)
        found = dict(translate(self.model, self.dictionary, dataset, last, self.search, count))
        return [found[line] for line in range(len(sources))]


@torch.inference_mode()
def translate(
    model: nn.Module,
    dictionary: Dictionary,
    dataset: LanguagePairDataset,
    tag: str,
    search: Search,
    count: int = 1,
) -> Iterator[tuple[int, list[Hypothesis]]]:
    """Translate sentences: `(line from 0, up to `count` hypotheses, best first)`, lines in any order.

    The target language's `tag` is forced as the first token; its log-probability and length count in the score, as
    fairseq has it.
    """
    where = next(model.parameters()).device
    first = dictionary.index(tag)
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
            yield line, [_hypothesis(one, dictionary, first) for one in found[:count]]


def _hypothesis(found: Mapping[str, torch.Tensor], dictionary: Dictionary, tag: int) -> Hypothesis:
    tokens = [dictionary[index] for index in found["tokens"].tolist() if index not in (tag, dictionary.eos())]
    return Hypothesis(tokens, float(found["score"]))
