"""The naming of the published Neuron Specialization code: masked linear layers have a `global_weight`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from workflow_scripts.errors import UserError
from workflow_scripts.formats.architecture import PROJECTION, NamedModel
from workflow_scripts.formats.format import Exported, Format

if TYPE_CHECKING:
    from torch import Tensor

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "formats.architecture",
    "formats.checkpoint",
    "formats.fairseq_content",
    "formats.fairseq_settings",
    "formats.format",
    "formats.peek",
)

LINEAR = re.compile(r"((?:fc1|fc2|[qkv]_proj|out_proj)\.)weight$")
"""The end of a masked linear layer's weight."""
README = """
## The published code

`published/checkpoint.pt` has the names by which the published Neuron Specialization code calls weights
(`…fc1.global_weight`).{masks}
"""
MASKS = " It is the whole model: what specializes it are the run's masks, which are files of their own there."


def read(path: Path) -> NamedModel:
    """See `Format`."""
    from workflow_scripts.formats.checkpoint import read_checkpoint
    from workflow_scripts.formats.fairseq_content import named

    found = read_checkpoint(path)
    if not found.renamed:
        raise UserError(
            f"{path} is no checkpoint of the published code (no weight is called global_weight): fairseq's?"
        )
    return named(found)


def write(folder: Path, exported: Exported) -> str:
    """See `Format`."""
    from workflow_scripts.formats.fairseq_content import write_content

    write_content(folder / "checkpoint.pt", exported, published)
    return README.format(masks="" if exported.pair or not exported.rows else MASKS)


def published(model: NamedModel) -> dict[str, Tensor]:
    """Weights by the published names: without the output projection where it is the decoder's embeddings."""
    left_out = () if model.architecture.shared == "none" else (PROJECTION,)
    return {
        LINEAR.sub(r"\1global_weight", name): tensor for name, tensor in model.weights.items() if name not in left_out
    }


FORMAT = Format(
    summary="a checkpoint in the naming of the published Neuron Specialization code", read=read, write=write, whole=True
)
