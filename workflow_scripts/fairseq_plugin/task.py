"""fairseq task `neuron_specialization`: multilingual translation where every micro-batch holds one direction.

Extends `translation_multi_simple_epoch`. What a kind of system does to the model (`--kind`, `--masks-file`,
`--kind-settings`) is done for the micro-batch's direction, in training and in validation; without any of them the model
stays dense and only the batching is the same: the control.
"""

from __future__ import annotations

import json
import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from workflow_scripts.direction import Direction, tag
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import compat  # noqa: F401 - before anything of fairseq
from workflow_scripts.fairseq_plugin.own_updates import OwnUpdates
from workflow_scripts.layers.freezing import freeze
from workflow_scripts.layers.own_names import own_parameters
from workflow_scripts.systems.kind import Effect
from workflow_scripts.systems.variant import Variant

from fairseq.data.data_utils import numpy_seed  # isort: skip
from fairseq.tasks import register_task  # isort: skip
from fairseq.tasks.translation_multi_simple_epoch import TranslationMultiSimpleEpochTask  # isort: skip

Batch = dict[str, Any]
log = logging.getLogger(__name__)


@register_task("neuron_specialization")
class NeuronSpecializationTask(TranslationMultiSimpleEpochTask):
    """Multilingual translation with single-direction batches and a model per direction, as a kind of system has it."""

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        TranslationMultiSimpleEpochTask.add_args(parser)
        parser.add_argument("--kind", default=None, help="kind of the system (default: by the other two)")
        parser.add_argument("--masks-file", default=None, metavar="FILE", help="masks of the system (Parquet)")
        parser.add_argument("--freeze", default="", metavar="PARTS", help="parts that learn nothing, comma-separated")
        parser.add_argument("--kind-settings", default=None, metavar="JSON", help="settings of its own")

    def __init__(self, args: Namespace, langs: list[str], dicts: dict, training: bool) -> None:
        super().__init__(args, langs, dicts, training)
        # Checkpoints of earlier versions name masks alone.
        settings = json.loads(getattr(args, "kind_settings", None) or "{}")
        masks = Path(args.masks_file) if args.masks_file else None
        self.variant = Variant.of(getattr(args, "kind", None), masks, settings)
        self.effect: Effect | None = None
        self.own_updates: OwnUpdates | None = None
        dictionary = self.source_dictionary
        self.languages_by_tag = {dictionary.index(tag(language)): language for language in langs}

    def build_model(self, args: Namespace, from_checkpoint: bool = False) -> nn.Module:
        """The Transformer, with what the kind of system does to it."""
        model = super().build_model(args, from_checkpoint)
        # Checkpoints of earlier versions do not know of it.
        if parts := getattr(args, "freeze", ""):
            learning, weights = freeze(model, parts.split(","))
            log.info("%s frozen: %d of %d weights learn", parts, learning, weights)
            if not learning:
                raise UserError(f"training.freeze: with {parts} nothing is left to be trained; leave a part out")
        self.effect = self.variant.attach(model, self.lang_pairs)
        if own := own_parameters(model):
            self.own_updates = OwnUpdates(own)
        if self.variant.frozen:
            kept = {id(one) for some in own.values() for one in some}
            for parameter in model.parameters():
                parameter.requires_grad_(id(parameter) in kept)
        return model

    def train_step(
        self,
        sample: Batch,
        model: nn.Module,
        criterion: nn.Module,
        optimizer: Any,
        update_num: int,
        ignore_grad: bool = False,
        **kwargs: Any,
    ) -> Any:
        """One micro-batch with the model of its direction."""
        self._activate(sample)
        if self.own_updates:
            self.own_updates.note(self.effect.owners(sample["direction"]), not ignore_grad)
        return super().train_step(sample, model, criterion, optimizer, update_num, ignore_grad, **kwargs)

    def optimizer_step(self, optimizer: Any, model: nn.Module, update_num: int) -> None:
        """A step; what directions without a micro-batch in it have for themselves stays as it is."""
        if self.own_updates:
            self.own_updates.settle(optimizer)
        super().optimizer_step(optimizer, model=model, update_num=update_num)

    def valid_step(self, sample: Batch, model: nn.Module, criterion: nn.Module) -> Any:
        """Validation on one micro-batch, with the model of its direction."""
        self._activate(sample)
        return super().valid_step(sample, model, criterion)

    def _activate(self, sample: Batch) -> None:
        if self.effect is not None:
            self.effect.activate(sample["direction"])

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
