"""The faster engine: CTranslate2, with the ranking of fairseq."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from workflow_scripts.direction import Direction
from workflow_scripts.engines.engine import Engine, Opened, Place, Schema
from workflow_scripts.engines.hypothesis import Hypothesis
from workflow_scripts.engines.search import Search

if TYPE_CHECKING:
    from workflow_scripts.engines.ctranslate2_beam import BeamSearch
    from workflow_scripts.engines.ctranslate2_options import Options
    from workflow_scripts.engines.system_model import SystemModel
    from workflow_scripts.formats.architecture import Architecture

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "corpus.symbols",
    "engines.ctranslate2_beam",
    "engines.ctranslate2_options",
    "engines.engine",
    "engines.hypothesis",
    "engines.made_model",
    "engines.search",
    "engines.split_model",
    "engines.system_model",
    "engines.whole_model",
    "formats.architecture",
    "formats.checkpoint",
    "formats.ctranslate2_model",
    "formats.ctranslate2_specs",
    "formats.fairseq_settings",
    "formats.folded",
    "formats.kept_models",
    "formats.peek",
    "systems.kind",
    "systems.variant",
)

GPU_SENTENCES = 512
"""Sentences of a batch on a GPU, at most: the first logits of each come to the CPU."""
COMPUTE_TYPE: Schema = {
    "enum": ["float32", "float16", "bfloat16", "int8", "int8_float16", "int8_float32", "int8_bfloat16"],
    "default": "float32",
    "description": "Number format of the weights.",
}


class AnyDirection:
    """A checkpoint, converted anew for each of its directions; nothing is kept."""

    def __init__(self, model: SystemModel, options: Options) -> None:
        self.model, self.options = model, options
        self._state: Any = None

    def nbest(self, sources: Sequence[Sequence[str]], pair: Direction, count: int) -> list[list[Hypothesis]]:
        """See `Opened`."""
        from workflow_scripts.engines.ctranslate2_beam import Session

        state, kept = self.model.plain(pair)
        # Directions that differ in their neurons alone share a session, which keeps what it has converted.
        if self._state is not state:
            self._state = state
            self._session = Session(state, self.model.architecture, self.model.symbols, self.options)
        return self._session.nbest(sources, *pair.tags, kept, count)


class KeptDirections:
    """Models of single directions, converted once and kept in the model's cache."""

    def __init__(self, model: SystemModel, options: Options) -> None:
        self.model, self.options = model, options
        self._searches: dict[Direction, BeamSearch] = {}

    def nbest(self, sources: Sequence[Sequence[str]], pair: Direction, count: int) -> list[list[Hypothesis]]:
        """See `Opened`."""
        if pair not in self._searches:
            self._searches[pair] = self._search(pair)
        return self._searches[pair].nbest(sources, *pair.tags, count=count)

    def _search(self, pair: Direction) -> BeamSearch:
        from workflow_scripts.engines.ctranslate2_beam import BeamSearch
        from workflow_scripts.engines.made_model import made_model
        from workflow_scripts.engines.whole_model import WholeModel

        folder = made_model(self.model, pair, self.options.compute_type)
        return BeamSearch(WholeModel(folder, self.options), self.model.architecture, self.model.symbols, self.options)


def open_model(model: SystemModel, search: Search, place: Place, compute_type: str) -> Opened:
    """See `Engine`."""
    from workflow_scripts.engines.ctranslate2_options import Options
    from workflow_scripts.engines.whole_model import best_device

    device = best_device() if place.device == "auto" else place.device
    larger = {"batch_sentences": GPU_SENTENCES} if device.startswith("cuda") else {}
    options = Options(**vars(search), compute_type=compute_type, device=device, threads=place.threads, **larger)
    return (KeptDirections if model.cache else AnyDirection)(model, options)


def refuses(architecture: Architecture) -> Iterator[str]:
    """What the converted model has no counterpart of."""
    from workflow_scripts.formats.ctranslate2_model import refuses as without_counterpart

    return without_counterpart(architecture)


ENGINE = Engine(
    summary="faster, several number formats, fairseq's ranking",
    open=open_model,
    options={"compute_type": COMPUTE_TYPE},
    packages=("ctranslate2",),
    refuses=refuses,
)
