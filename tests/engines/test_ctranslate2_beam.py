"""The CTranslate2 engine against fairseq's generator: same hypotheses, same scores."""

from __future__ import annotations

import glob
import tempfile
from argparse import Namespace
from unittest.mock import Mock

import ctranslate2
import numpy as np
import pytest
import torch

from tests.engines.conftest import Tiny
from workflow_scripts.engines import ctranslate2_beam as engine_module
from workflow_scripts.engines.ctranslate2_beam import Session
from workflow_scripts.engines.ctranslate2_options import Options
from workflow_scripts.errors import UserError
from workflow_scripts.formats.fairseq_settings import architecture_of

PRE_NORM = {"encoder_normalize_before": True, "decoder_normalize_before": True}
SHAPES = {
    "pre-norm, decoder tied": {**PRE_NORM, "share_decoder_input_output_embed": True},
    "post-norm, all tied": {"share_all_embeddings": True},
    "untied, learned positions": {"encoder_learned_pos": True, "decoder_learned_pos": True},
    "no positions, no scale": {"no_token_positional_embeddings": True, "no_scale_embedding": True},
    "embedding norm": {"layernorm_embedding": True},
    "pre-norm without last norm, uneven depth": {**PRE_NORM, "no_decoder_final_norm": True, "decoder_layers": 1},
}


def session(tiny, **options) -> Session:
    return Session(tiny.state, tiny.architecture, list(tiny.dictionary.symbols), Options(**options))


def kept_neurons(tiny, seed: int) -> dict:
    random = np.random.default_rng(seed)
    return {
        (component, layer): np.flatnonzero(random.random(tiny.options.encoder_ffn_embed_dim) < 0.7)
        for component in ("encoder", "decoder")
        for layer in range(getattr(tiny.options, f"{component}_layers"))
    }


def compare(found, expected, at_least: float = 1.0) -> None:
    same = [hypothesis.tokens == tokens for hypothesis, (tokens, _) in zip(found, expected, strict=True)]
    assert np.mean(same) >= at_least, [pair for *pair, equal in zip(found, expected, same, strict=True) if not equal]
    for hypothesis, (_, score), equal in zip(found, expected, same, strict=True):
        if equal:
            assert hypothesis.score == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_model_translates_as_fairseq_does(tiny, sentences, name):
    model = tiny(**SHAPES[name])
    expected = model.translate(sentences, 5, 1.0, 25)
    assert len({tuple(tokens) for tokens, _ in expected}) > 7
    compare(session(model, max_length=25).translate(sentences, "__en__", "__de__"), expected)


def test_masked_directions_translate_as_the_plain_masked_model(tiny, sentences):
    model = tiny(**SHAPES["pre-norm, decoder tied"])
    engine = session(model, max_length=25)
    outputs = []
    for seed in (1, 2, 1):
        kept = kept_neurons(model, seed)
        expected = model.masked(kept).translate(sentences, 5, 1.0, 25)
        found = engine.translate(sentences, "__en__", "__de__", kept)
        compare(found, expected)
        outputs.append([hypothesis.tokens for hypothesis in found])
    dense = [hypothesis.tokens for hypothesis in engine.translate(sentences, "__en__", "__de__")]
    assert outputs[0] == outputs[2]
    assert outputs[0] != outputs[1] != dense


def test_a_component_may_stay_dense_and_a_layer_may_lose_all_neurons(tiny, sentences):
    model = tiny(**SHAPES["post-norm, all tied"])
    kept = {("encoder", 0): np.array([], dtype=int), ("encoder", 1): np.array([3])}
    expected = model.masked(kept).translate(sentences, 5, 1.0, 25)
    compare(session(model, max_length=25).translate(sentences, "__en__", "__de__", kept), expected)


@pytest.mark.parametrize(("beam", "penalty"), [(1, 1.0), (2, 0.5), (5, 0.0), (8, 2.0)])
def test_beams_and_length_penalties(tiny, sentences, beam, penalty):
    model = tiny(**SHAPES["pre-norm, decoder tied"])
    expected = model.translate(sentences, beam, penalty, 25)
    engine = session(model, beam=beam, length_penalty=penalty, max_length=25)
    compare(engine.translate(sentences, "__en__", "__de__"), expected)


def test_the_longest_hypotheses_end_and_score_as_fairseqs(tiny, sentences):
    model = tiny(**SHAPES["post-norm, all tied"])
    expected = model.translate(sentences, 5, 1.0, 4)
    assert max(len(tokens) for tokens, _ in expected) == 3
    compare(session(model, max_length=4).translate(sentences, "__en__", "__de__"), expected, at_least=0.9)


def test_a_target_tag_that_is_said_again_is_taken_out_as_fairseq_does(tiny, sentences):
    model = tiny(**SHAPES["untied, learned positions"])
    often = Tiny(Tiny.build(model.options, model.dictionary), model.dictionary, model.options)
    often.model.load_state_dict(model.state)
    tag, word = (model.dictionary.index(symbol) for symbol in ("__de__", "w1"))
    with torch.no_grad():
        weight = often.model.decoder.output_projection.weight
        weight[tag] = weight[word] * 1.01
    assert any("__de__" in tokens for tokens, _ in often.search(sentences, 5, 1.0, 25))
    found = session(often, max_length=25).translate(sentences, "__en__", "__de__")
    expected = often.translate(sentences, 5, 1.0, 25)
    assert not any("__de__" in hypothesis.tokens for hypothesis in found)
    # Different hypotheses can have the same text without the tags.
    same = [hypothesis.tokens == tokens for hypothesis, (tokens, _) in zip(found, expected, strict=True)]
    assert np.mean(same) >= 0.9


def test_how_sentences_are_put_together_does_not_matter(tiny, sentences, monkeypatch):
    model = tiny(**SHAPES["pre-norm, decoder tied"])
    expected = model.translate(sentences, 5, 1.0, 25)
    monkeypatch.setattr(engine_module, "ENCODED_TOKENS", 25)
    translators = Mock(wraps=ctranslate2.Translator)
    monkeypatch.setattr(ctranslate2, "Translator", translators)
    engine = session(model, max_length=25, max_tokens=16, batch_sentences=2)
    compare(engine.translate(sentences, "__en__", "__de__"), expected)
    assert translators.call_count > 3
    assert engine.translate([], "__en__", "__de__") == []


def test_the_dense_encoder_is_loaded_once(tiny, sentences, monkeypatch):
    model = tiny(**SHAPES["pre-norm, decoder tied"])
    engine = session(model, max_length=25)
    encoders = Mock(wraps=ctranslate2.Encoder)
    monkeypatch.setattr(ctranslate2, "Encoder", encoders)
    for tag in ("__de__", "__en__"):
        engine.translate(sentences[:3], "__en__", tag)
    assert encoders.call_count == 1


def test_int8_stays_close_and_leaves_the_weights_alone(tiny, sentences):
    model = tiny(**SHAPES["pre-norm, decoder tied"])
    before = {name: tensor.clone() for name, tensor in model.state.items()}
    engine = session(model, compute_type="int8", max_length=25)
    found = engine.translate(sentences, "__en__", "__de__")
    exact = session(model, max_length=25).translate(sentences, "__en__", "__de__")
    # How close depends on the processor: without VNNI int8 products saturate, and this model is not sure of itself.
    assert np.mean([abs(a.score - b.score) for a, b in zip(found, exact, strict=True)]) < 0.2
    assert all((tensor == before[name]).all() for name, tensor in model.state.items())


def test_a_sentence_may_fill_all_positions(tiny):
    model = tiny(**SHAPES["untied, learned positions"])
    longest = [["w1", "w2"] * 15]
    expected = model.translate(longest, 5, 1.0, 25)
    compare(session(model, max_length=25).translate(longest, "__en__", "__de__"), expected)


def test_unknown_words_and_no_source_tag(tiny):
    engine = session(tiny(**SHAPES["post-norm, all tied"]), max_length=25)
    unknown, other = engine.translate([["w1", "nonsense"], ["w1", "<unk>"]], None, "__de__")
    assert unknown == other


def test_nothing_is_left_on_disk(tiny, sentences, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    engine = session(tiny(**SHAPES["post-norm, all tied"]), max_length=25)
    engine.translate(sentences[:2], "__en__", "__de__")
    engine.translate(sentences[:2], "__en__", "__de__", kept_neurons(tiny(**SHAPES["post-norm, all tied"]), 1))
    assert glob.glob(str(tmp_path / "*")) == []


def test_what_cannot_be_translated_is_refused(tiny):
    model = tiny(**SHAPES["post-norm, all tied"])
    with pytest.raises(UserError, match=r"compute_type int3 does not run on this cpu: choose one of .*float32"):
        session(model, compute_type="int3")
    with pytest.raises(UserError, match="sentence 2 has 34 tokens, the model takes 32"):
        session(model).translate([["w1"], ["w1"] * 32], "__en__", "__de__")
    with pytest.raises(UserError, match="has 18 embeddings, dictionary and tags have 17"):
        Session(model.state, model.architecture, model.dictionary.symbols[:-1], Options()).translate(
            [[]], None, "__en__"
        )
    for option, value in {"activation_fn": "gelu", "adaptive_input": True}.items():
        architecture = architecture_of(Namespace(**{**vars(model.options), option: value}))
        changed = Session(model.state, architecture, model.dictionary.symbols, Options())
        with pytest.raises(UserError, match=value if isinstance(value, str) else option):
            changed.translate([["w1"]], "__en__", "__de__")


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("longest", [25, 4])
def test_the_n_best_are_those_of_fairseq(tiny, sentences, name, longest):
    model = tiny(**SHAPES[name])
    expected = model.nbest(sentences, 5, 1.0, longest)
    found = session(model, max_length=longest).nbest(sentences, "__en__", "__de__", count=3)
    assert all(0 < len(one) <= 3 for one in found)
    scores = [[hypothesis.score for hypothesis in one] for one in found]
    assert all(one == sorted(one, reverse=True) for one in scores)
    same = [
        hypothesis.tokens == tokens and hypothesis.score == pytest.approx(score, abs=1e-4)
        for ours, theirs in zip(found, expected, strict=True)
        for hypothesis, (tokens, score) in zip(ours, theirs[:3], strict=False)
    ]
    # Those that CTranslate2 loses or fairseq ends elsewhere stand far behind the best.
    assert np.mean(same) >= 0.9
    best = session(model, max_length=longest).translate(sentences, "__en__", "__de__")
    compare([one[0] for one in found], [(hypothesis.tokens, hypothesis.score) for hypothesis in best])
