"""fairseq task `neuron_specialization`: multilingual translation where every micro-batch holds one direction.

Extends `translation_multi_simple_epoch`. With `--masks-file` the masks of the micro-batch's direction are at work, in
training and in validation; without it the model stays dense and only the batching is the same: the control.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from workflow_scripts.artifacts import read_masks
from workflow_scripts.direction import Direction, tag
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import compat  # noqa: F401 - before anything of fairseq
from workflow_scripts.layers.specialized_ffn import DirectionMasks

from fairseq.data.data_utils import numpy_seed  # isort: skip
from fairseq.tasks import register_task  # isort: skip
from fairseq.tasks.translation_multi_simple_epoch import TranslationMultiSimpleEpochTask  # isort: skip

Batch = dict[str, Any]


@register_task("neuron_specialization")
class NeuronSpecializationTask(TranslationMultiSimpleEpochTask):
    """Multilingual translation with single-direction batches and, given masks, a sub-network per direction."""

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        TranslationMultiSimpleEpochTask.add_args(parser)
        parser.add_argument("--masks-file", default=None, metavar="FILE", help="masks of a system (Parquet)")

    def __init__(self, args: Namespace, langs: list[str], dicts: dict, training: bool) -> None:
        super().__init__(args, langs, dicts, training)
        self.masks: DirectionMasks | None = None
        dictionary = self.source_dictionary
        self.languages_by_tag = {dictionary.index(tag(language)): language for language in langs}

    def build_model(self, args: Namespace, from_checkpoint: bool = False) -> nn.Module:
        """The Transformer, with specialized feed-forward layers where there are masks."""
        model = super().build_model(args, from_checkpoint)
        if self.args.masks_file:
            self.masks = DirectionMasks(model, read_masks(self.args.masks_file).rows)
            missing = sorted(set(self.lang_pairs) - set(self.masks.bits))
            if missing:
                raise UserError(f"{self.args.masks_file} has no masks for {', '.join(missing)}: make them again")
        return model

    def train_step(self, sample: Batch, model: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """One micro-batch, under the masks of its direction."""
        self._activate(sample)
        return super().train_step(sample, model, *args, **kwargs)

    def valid_step(self, sample: Batch, model: nn.Module, criterion: nn.Module) -> Any:
        """Validation on one micro-batch, under the masks of its direction."""
        self._activate(sample)
        return super().valid_step(sample, model, criterion)

    def _activate(self, sample: Batch) -> None:
        if self.masks is not None:
            self.masks.activate(sample["direction"])

    def create_batch_sampler_func(
        self, max_positions: Any, ignore_invalid_inputs: bool, max_tokens: int, max_sentences: int, **kwargs: Any
    ) -> Callable:
        """As fairseq's, but batches are filled direction by direction."""
        multiple, seed = kwargs.get("required_batch_size_multiple", 1), kwargs.get("seed", 1)

        def construct(dataset: Any, epoch: int | None) -> list[list[int]]:
            if epoch is not None:
                dataset.set_epoch(epoch)
            with numpy_seed(seed):
                indices = dataset.ordered_indices()
            if max_positions is not None:
                indices = self.filter_indices_by_size(indices, dataset, max_positions, ignore_invalid_inputs)
            ends = dataset.cumulated_sizes if hasattr(dataset, "cumulated_sizes") else dataset.cumulative_sizes
            member = np.searchsorted(ends, indices, side="right")
            return [
                batch
                for number in np.unique(member)
                for batch in dataset.batch_by_size(
                    indices[member == number],
                    max_tokens=max_tokens,
                    max_sentences=max_sentences,
                    required_batch_size_multiple=multiple,
                )
            ]

        return construct

    def get_batch_iterator(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        """As fairseq's, with the direction of each micro-batch under `direction`."""
        iterator = super().get_batch_iterator(dataset, *args, **kwargs)
        if not isinstance(iterator.collate_fn, _Labelled):
            iterator.collate_fn = _Labelled(iterator.collate_fn, self.languages_by_tag, self.source_dictionary.pad())
        return iterator


class _Labelled:
    """A collater that names the direction of what it collates, read off the language tags on both sides."""

    def __init__(self, collate: Callable, languages: dict[int, str], padding: int) -> None:
        self.collate, self.languages, self.padding = collate, languages, padding

    def __call__(self, samples: list[Any]) -> Batch | None:
        batch = self.collate(samples)
        if batch:
            sides = [self._language(batch["net_input"]["src_tokens"]), self._language(batch["target"])]
            batch["direction"] = str(Direction(*sides))
        return batch

    def _language(self, tokens: Any) -> str:
        first = tokens.gather(1, (tokens != self.padding).int().argmax(dim=1, keepdim=True)).unique().tolist()
        if len(first) != 1 or first[0] not in self.languages:
            raise UserError(f"a micro-batch must hold one direction, its language tags are symbols {first}")
        return self.languages[first[0]]
