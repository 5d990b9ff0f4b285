"""What stands before and behind the search: text tokenized by Moses where the run's data was, else as it is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.corpus.pieces import load_model
from workflow_scripts.corpus.test_lines import prepare
from workflow_scripts.direction import Direction
from workflow_scripts.engines.hypothesis import Hypothesis
from workflow_scripts.engines.line_translator import LineTranslator, Reader, Translation
from workflow_scripts.errors import UserError

LINE = "  „Well-known“ friends, isn't it?\u200b"


def manifest_with(tiny_run, **changed) -> Manifest:
    manifest = read_manifest(tiny_run.manifest)
    return Manifest(manifest.path, {**manifest.content, **changed})


@pytest.mark.parametrize("tokenization", ["none", "moses"])
@pytest.mark.parametrize("punctuation", [True, False])
def test_a_line_is_read_as_the_test_set_is(tiny_run, tmp_path, tokenization, punctuation):
    manifest = manifest_with(tiny_run, tokenization=tokenization)
    (tmp_path / "test.en").write_text(f"{LINE}\n", encoding="utf-8")
    (prepared,) = prepare(tmp_path / "test.en", "en", punctuation, tokenization).read
    expected = load_model(manifest.sentencepiece).encode(prepared, out_type=str)
    assert Reader(manifest, "en", punctuation, 100)(LINE) == [expected]


@pytest.mark.parametrize(
    ("tokenization", "text"), [("none", "Well @-@ known , isn 't"), ("moses", "Well-known, isn't")]
)
def test_what_moses_tokenized_is_put_together_again(tiny_run, tokenization, text):
    tokens = ["▁Well", "▁@-@", "▁kn", "own", "▁,", "▁isn", "▁'t"]
    engine = SimpleNamespace(nbest=lambda sources, *_: [[Hypothesis(tokens, -0.5)] for _ in sources])
    translator = LineTranslator(engine, manifest_with(tiny_run, tokenization=tokenization), Direction("qa", "en"))
    blank, whole, cut = translator.translate([[], [["▁a"]], [["▁a"], ["▁b"]]], 1)
    assert blank == [Translation("", None)]
    assert whole == [Translation(text, -0.5)]
    assert cut == [Translation(f"{text} {text}", None)]


def test_parts_are_never_longer_than_the_model_takes(tiny_run):
    reader = Reader(read_manifest(tiny_run.manifest), "en", True, 5)
    parts = reader("The dog sleeps. " * 10 + "x" * 50)
    assert len(parts) > 10
    assert max(map(len, parts)) <= 5


def test_text_needs_the_sentencepiece_model(tiny_run):
    with pytest.raises(UserError, match=r"is not known; name it in data\.sentencepiece\.model"):
        Reader(manifest_with(tiny_run, sentencepiece=None), "en", True, 5)
