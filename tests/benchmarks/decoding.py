"""Sentences per second of the reference engine and of CTranslate2, and how alike their translations are."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from sacrebleu.metrics import BLEU
from torch import Tensor, nn

from tests.benchmarks import machine, models, published, reference
from tests.benchmarks.profiles import where_time_goes
from workflow_scripts.artifacts import Masks
from workflow_scripts.direction import Direction
from workflow_scripts.engines.ctranslate2_beam import Session
from workflow_scripts.engines.ctranslate2_options import Options
from workflow_scripts.engines.hypothesis import plain
from workflow_scripts.engines.search import Search
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.fairseq_plugin.beam_search import translate
from workflow_scripts.fairseq_plugin.datasets import load_direction, pieces
from workflow_scripts.formats.architecture import Architecture
from workflow_scripts.formats.fairseq_settings import architecture_of
from workflow_scripts.layers.specialized_ffn import DirectionMasks

from fairseq.data import LanguagePairDataset  # isort: skip

FORMATS = {"cpu": ("float32", "int8"), "cuda": ("float16", "int8_float16")}
"""Number formats of CTranslate2 that are measured, by kind of device."""


@dataclass(frozen=True)
class Speed:
    """Sentences per second of the engines and of models in the reference engine; milliseconds by kind of work of both.

    `identical` is the share of hypotheses, per CTranslate2's number format, that are the reference engine's.
    """

    engines: dict[str, float]
    models: dict[str, float]
    identical: dict[str, float]
    reference: dict[str, float]
    stages: dict[str, dict[str, float]]


def speed(size: models.Size, sentences: int, repetitions: int, device: str, dtype: torch.dtype) -> Speed:
    """Translate a direction under its masks: `sentences` by every engine, a quarter of them by other models.

    The reference engine runs with its default batches and with the small ones that a CPU likes best; and as a dense
    model and with the published masks, to compare. `dtype` is that of fairseq's models; CTranslate2's are FORMATS.
    """
    dense, symbols = models.translator(size), models.dictionary(size)
    masks = models.masks(["en-de"], size.layers, size.ffn_dim)
    kept = Masks(masks, {}).kept()["en-de"]
    architecture = architecture_of(models.options(size, **models.TRANSLATOR))
    sessions = _sessions(dict(dense.state_dict()), architecture, symbols.symbols, device)
    dense.to(device, dtype)
    theirs, ours = copy.deepcopy(dense), copy.deepcopy(dense)
    published.install(theirs, masks)
    DirectionMasks(ours, masks).activate("en-de")

    def by_fairseq(model: nn.Module, pairs: LanguagePairDataset, search: Search) -> list[list[str]]:
        found = dict(translate(model, symbols, pairs, "__de__", search))
        return [found[line][0].tokens for line in range(len(pairs))]

    def by_ctranslate2(session: Session, pairs: LanguagePairDataset) -> list[list[str]]:
        found = session.translate(pieces(pairs, "src", symbols), "__en__", "__de__", kept)
        return [hypothesis.tokens for hypothesis in found]

    few, some, many = (models.dataset(size, count, seed=8) for count in (4, sentences // 4, sentences))
    small = Search(max_tokens=2000)
    engines = {
        "fairseq": partial(by_fairseq, ours, search=Search()),
        "fairseq, 2,000 tokens a batch": partial(by_fairseq, ours, search=small),
        **{name: partial(by_ctranslate2, session) for name, session in sessions.items()},
    }
    others = {
        "ours": partial(by_fairseq, ours, search=small),
        "dense": partial(by_fairseq, dense, search=small),
        "published": partial(by_fairseq, theirs, search=small),
    }
    for task in (*engines.values(), *others.values()):
        task(few)

    def per_second(tasks: dict[str, Callable[..., object]], pairs: LanguagePairDataset) -> dict[str, float]:
        times = machine.in_turn({name: partial(task, pairs) for name, task in tasks.items()}, repetitions, warm=True)
        return {name: len(pairs) / seconds for name, seconds in times.items()}

    right = by_fairseq(ours, some, small)
    return Speed(
        per_second(engines, many),
        per_second(others, some),
        {name: _share_alike(engines[name](some), right) for name in sessions},
        # Profiling keeps every operation: a few sentences will do.
        where_time_goes(lambda: by_fairseq(ours, models.dataset(size, 20, seed=8), small)),
        {name: stages(session, partial(engines[name], many)) for name, session in sessions.items()},
    )


def _sessions(
    state: Mapping[str, Tensor], architecture: Architecture, dictionary: Sequence[str], device: str
) -> dict[str, Session]:
    """A session per number format."""
    return {
        name: Session(state, architecture, dictionary, Options(compute_type=name, device=device))
        for name in FORMATS[device.partition(":")[0]]
    }


def _share_alike(found: Sequence[object], right: Sequence[object]) -> float:
    return float(np.mean([a == b for a, b in zip(found, right, strict=True)]))


def stages(session: Session, task: Callable[[], object]) -> dict[str, float]:
    """Milliseconds of one translation by what CTranslate2 is asked to do."""
    spent = dict.fromkeys(["encoding", "loading the decoder", "first two steps", "search", "the rest"], 0.0)

    def timed(stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*given)
            finally:
                spent[stage] += 1e3 * (time.perf_counter() - start)

        return run

    halves = session._model
    with (
        patch.object(halves, "encoded", timed("encoding", halves.encoded)),
        patch.object(halves, "_load", timed("loading the decoder", halves._load)),
        patch.object(session, "_starts", timed("first two steps", session._starts)),
        patch.object(session, "_search", timed("search", session._search)),
    ):
        whole = 1e3 * machine.seconds(task)
    spent["encoding"] -= spent["loading the decoder"]
    spent["the rest"] = whole - sum(spent.values())
    return spent


def agreement(folder: Path, pairs: int, device: str) -> dict[str, dict[str, float]]:
    """Share of identical hypotheses, and BLEU minus the reference engine's (pooled), over the NS model's directions."""
    manifest = reference.manifest(folder)
    model, dictionary, loaded = transformer.load_model(folder / "checkpoints/ns.pt", manifest)
    masks = reference.masks(folder, loaded.args.encoder_ffn_embed_dim)
    sessions = _sessions(loaded.state, architecture_of(loaded.args), dictionary.symbols, device)
    of_direction = DirectionMasks(model.to(device), masks.rows)
    found: dict[str, list[str]] = {name: [] for name in ("fairseq", "references", *sessions)}
    for pair, kept in list(masks.kept().items())[:pairs]:
        of_direction.activate(pair)
        direction = Direction.parse(pair)
        data = load_direction(manifest.shards, "test", direction, dictionary)
        best = dict(translate(model, dictionary, data, direction.tags[1], Search()))
        found["fairseq"] += [plain(best[line][0].tokens) for line in range(len(data))]
        found["references"] += [plain(line) for line in pieces(data, "tgt", dictionary)]
        for name, session in sessions.items():
            said = session.translate(pieces(data, "src", dictionary), *direction.tags, kept)
            found[name] += [plain(hypothesis.tokens) for hypothesis in said]
    base = BLEU().corpus_score(found["fairseq"], [found["references"]]).score
    return {
        name: {
            "sentences": len(found[name]),
            "identical": _share_alike(found[name], found["fairseq"]),
            "bleu": BLEU().corpus_score(found[name], [found["references"]]).score - base,
        }
        for name in sessions
    }
