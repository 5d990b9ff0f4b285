"""The benchmarks compare like with like. What they measure is not tested: no test asserts a time."""

from __future__ import annotations

import numpy as np
import torch

from tests.benchmarks import decoding, models
from workflow_scripts.engines.ctranslate2_beam import Session
from workflow_scripts.engines.ctranslate2_options import Options
from workflow_scripts.fairseq_plugin.datasets import pieces
from workflow_scripts.formats.fairseq_settings import architecture_of

SMALL = models.SIZES["small"]


def test_engines_do_the_same_work() -> None:
    found = decoding.speed(SMALL, 16, 1, "cpu", torch.float32)
    assert found.identical["float32"] == 1
    assert {"fairseq", "float32", "int8"} <= set(found.engines)


def test_hypotheses_are_as_long_as_their_sources_and_do_not_repeat_themselves() -> None:
    symbols, pairs = models.dictionary(SMALL), models.dataset(SMALL, 40, seed=8)
    state = dict(models.translator(SMALL).state_dict())
    architecture = architecture_of(models.options(SMALL, **models.TRANSLATOR))
    sources = pieces(pairs, "src", symbols)
    hypotheses = Session(state, architecture, symbols.symbols, Options()).translate(sources, "__en__", "__de__")
    lengths = np.array([[len(source), len(found.tokens)] for source, found in zip(sources, hypotheses, strict=True)])
    assert np.corrcoef(lengths.T)[0, 1] > 0.95
    assert 0.8 < lengths[:, 1].sum() / lengths[:, 0].sum() < 1.25
    assert np.mean([len(set(found.tokens)) / len(found.tokens) for found in hypotheses]) > 0.5
