"""The reference engine: fairseq's own beam search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_scripts.engines.engine import Engine, Opened, Place
from workflow_scripts.engines.search import Search

if TYPE_CHECKING:
    from workflow_scripts.engines.system_model import SystemModel

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "corpus.symbols",
    "engines.engine",
    "engines.hypothesis",
    "engines.search",
    "engines.system_model",
    "fairseq_plugin.beam_search",
    "fairseq_plugin.compat",
    "fairseq_plugin.datasets",
    "fairseq_plugin.model",
    "fairseq_plugin.shards",
    "formats.architecture",
    "formats.checkpoint",
    "formats.fairseq_settings",
    "formats.peek",
    "systems.kind",
    "systems.variant",
)


def open_model(model: SystemModel, search: Search, place: Place) -> Opened:
    """See `Engine`."""
    from workflow_scripts.fairseq_plugin.beam_search import BeamSearch

    return BeamSearch(model, search, place.device)


ENGINE = Engine(summary="the reference", open=open_model, packages=("fairseq",), effects=True)
