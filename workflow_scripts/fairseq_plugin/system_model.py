"""The model of a system: a checkpoint's Transformer, and what the system does to it."""

from __future__ import annotations

from pathlib import Path

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.fairseq_plugin.model import (
    Dictionary,
    TransformerModel,
    empty_model,
    filled,
    read_fitting,
)
from workflow_scripts.formats.checkpoint import Checkpoint
from workflow_scripts.layers.own_names import directions_of
from workflow_scripts.systems.kind import Effect
from workflow_scripts.systems.variant import Variant


def load_system(
    path: str | Path, manifest: Manifest, variant: Variant
) -> tuple[TransformerModel, Effect | None, Dictionary, Checkpoint]:
    """Model, effect (no direction's is at work yet), dictionary with tags, and checkpoint, checked against the data.

    Raises `UserError` when the checkpoint does not fit the data, or was trained in another way.
    """
    checkpoint, dictionary = read_fitting(path, manifest)
    variant.refuse_other(checkpoint)
    model = empty_model(checkpoint, dictionary)
    effect = variant.attach(model, directions_of(checkpoint.state))
    return filled(model, checkpoint), effect, dictionary, checkpoint
