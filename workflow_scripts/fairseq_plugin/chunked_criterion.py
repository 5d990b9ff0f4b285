"""fairseq's label-smoothed cross entropy, with the output layer in chunks of positions (`layers.chunked_loss`)."""

# No postponed annotations: fairseq makes options of the types of fields.
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from workflow_scripts.fairseq_plugin import compat
from workflow_scripts.fairseq_plugin.arguments import CHUNKED
from workflow_scripts.layers.chunked_loss import smoothed_loss

from fairseq.criterions import register_criterion  # isort: skip

original = compat.import_adapted("fairseq.criterions.label_smoothed_cross_entropy")


@dataclass
class ChunkedConfig(original.LabelSmoothedCrossEntropyCriterionConfig):
    """As fairseq's, and how many positions are looked at together."""

    loss_chunk: int = field(default=256, metadata={"help": "positions whose logits are in memory together"})


@register_criterion(CHUNKED, dataclass=ChunkedConfig)
class ChunkedCriterion(original.LabelSmoothedCrossEntropyCriterion):
    """The same loss and the same gradients, without the logits of all positions."""

    def __init__(
        self,
        task: Any,
        sentence_avg: bool,
        label_smoothing: float,
        loss_chunk: int,
        ignore_prefix_size: int = 0,
        report_accuracy: bool = False,
    ) -> None:
        super().__init__(task, sentence_avg, label_smoothing, ignore_prefix_size, report_accuracy)
        self.chunk = loss_chunk

    def forward(self, model: nn.Module, sample: dict[str, Any], reduce: bool = True) -> tuple[Tensor, int, dict]:
        """fairseq's contract: the loss, what it is divided by, and what is logged."""
        features, _ = model(**sample["net_input"], features_only=True)
        loss, nll = smoothed_loss(
            features.reshape(-1, features.shape[-1]),
            model.decoder.output_projection.weight,
            model.get_targets(sample, None).reshape(-1),
            self.eps,
            self.padding_idx,
            self.chunk,
        )
        size = sample["target"].size(0) if self.sentence_avg else sample["ntokens"]
        logged = {
            "loss": loss.data,
            "nll_loss": nll.data,
            "ntokens": sample["ntokens"],
            "nsentences": sample["target"].size(0),
            "sample_size": size,
        }
        return loss, size, logged


# A checkpoint keeps the criterion's name: a training may go on with chunks, or without.
ChunkedCriterion.__name__ = original.LabelSmoothedCrossEntropyCriterion.__name__
