"""Scores are sacrebleu's own, however they are put together."""

import json

import numpy as np
import pytest
import sacrebleu
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.existing import direction_files, read_direction
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import called
from workflow_scripts.scoring.scores import score_variants

HYPOTHESES = ["de kat zit op de mat .", "een hond rende weg", "", "hallo wereld dit is een test"]
REFERENCES = ["de kat zat op de mat .", "een hond rent weg", "niets", "hallo wereld , dit was een test"]


def scored(hypotheses, references, tokenization="none", language="nl", spbleu=None, **tokenizers):
    options = {"bleu": {"bleu_tokenize": tokenizers}, "chrf++": {}, "ter": {}}
    options |= {"spbleu": {"spbleu": spbleu}} if spbleu else {}
    scorers = {METRICS[key].stored_name: METRICS[key].scorer(language, **own) for key, own in options.items()}
    found = score_variants(scorers, hypotheses, references, tokenization, language)
    return {(score["name"], score["text"]): (score, statistics) for score, statistics in found}


def test_scores_and_signatures_are_sacrebleus():
    found = scored(HYPOTHESES, REFERENCES)
    for metric in (BLEU(), CHRF(word_order=2), TER()):
        expected = metric.corpus_score(HYPOTHESES, [REFERENCES])
        score, statistics = found[expected.name, "raw"]
        assert score["score"] == pytest.approx(expected.score, abs=1e-9)
        assert score["signature"] == str(metric.get_signature())
        assert len(statistics) == len(HYPOTHESES)
    assert found["BLEU", "raw"][0]["signature"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp")
    assert found["chrF2++", "raw"][0]["signature"].startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no")


WORDS = st.lists(st.sampled_from(["स ् थानीय", "मीडिया", '"', "n", "'", "का", ".", "abc"]), max_size=8).map(" ".join)


@settings(max_examples=30)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_counting_changed_segments_only_gives_the_same_score(lines):
    from workflow_scripts.scoring.variants import as_variant

    hypotheses, references = map(list, zip(*lines, strict=True))
    found = scored(hypotheses, references, "moses", "hi")
    for text in ("published", "repaired"):
        read = [as_variant(text, side, "hi") for side in (hypotheses, references)]
        for metric in (BLEU(force=True), CHRF(word_order=2), TER()):
            expected = metric.corpus_score(read[0], [read[1]])
            assert found[expected.name, text][0]["score"] == pytest.approx(expected.score, abs=1e-9)


def test_the_tokenizer_is_chosen_by_language():
    text = ["我喜欢猫。", "你好世界"]
    found = scored(text, ["我喜欢狗。", "你好世界"], language="zh", zh="zh")
    assert "tok:zh" in found["BLEU", "raw"][0]["signature"]
    assert found["BLEU", "raw"][0]["score"] == pytest.approx(
        sacrebleu.corpus_bleu(text, [["我喜欢狗。", "你好世界"]], tokenize="zh").score
    )


def test_an_unknown_tokenizer_is_refused_with_the_choices():
    with pytest.raises(UserError, match=r"score.bleu_tokenize.zh: 14a is none of sacrebleu's tokenizers \(.*13a"):
        scored(HYPOTHESES, REFERENCES, zh="14a")


def test_spbleu_with_a_given_model(tmp_path):
    text = tmp_path / "text"
    text.write_text("\n".join(REFERENCES * 20), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(tmp_path / "m"), vocab_size=40, hard_vocab_limit=False, minloglevel=2
    )
    found = scored(HYPOTHESES, REFERENCES, spbleu=str(tmp_path / "m.model"))
    processor = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "m.model"))
    pieces = [[" ".join(processor.encode(line, out_type=str)) for line in side] for side in (HYPOTHESES, REFERENCES)]
    expected = sacrebleu.corpus_bleu(pieces[0], [pieces[1]], tokenize="none", force=True)
    score = found["spBLEU", "raw"][0]
    assert score["score"] == pytest.approx(expected.score)
    assert "tok:spm-" in score["signature"]
    with pytest.raises(UserError, match=r"score.spbleu: .*missing.model is neither a file nor one of flores101"):
        scored(HYPOTHESES, REFERENCES, spbleu=str(tmp_path / "missing.model"))


@pytest.fixture
def translations(tmp_path):
    folder = tmp_path / "translations"
    folder.mkdir()
    for pair in ("en-nl", "nl-en"):
        (folder / f"{pair}.hyp.txt").write_text("\n".join(HYPOTHESES) + "\n")
        (folder / f"{pair}.ref.txt").write_text("\n".join([*REFERENCES[:-1], "een <<unk>> test"]) + "\n")
    return folder


def score(command, translations, out, *options):
    return command("score", translations, "--pairs", "en-nl,nl-en", "--output", out, *options)


def test_the_command_writes_scores_segments_and_unknown_references(command, translations, tmp_path):
    score(command, translations, tmp_path / "out", "--tokenization", "moses").ok()
    entries = json.loads((tmp_path / "out/en-nl.json").read_text())
    assert [(entry["name"], entry["text"]) for entry in entries] == [
        (name, text) for text in ("published", "repaired") for name in ("BLEU", "chrF2++")
    ]
    assert all(entry["unknown_references"] == [3] and entry["lines"] == 4 for entry in entries)


def test_a_rerun_scores_only_what_changed(command, translations, tmp_path):
    out = tmp_path / "out"
    score(command, translations, out).ok()
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in out.iterdir()}
    (out / "nl-en.json").unlink()
    score(command, translations, out).ok()
    after = {path: (path.read_bytes(), path.stat().st_ino) for path in out.iterdir()}
    assert {path: data for path, (data, _) in after.items()} == {path: data for path, (data, _) in before.items()}
    assert after[out / "en-nl.json"][1] == before[out / "en-nl.json"][1], "kept, not written again"
    (translations / "en-nl.hyp.txt").write_text("x\n" * 4)
    score(command, translations, out).ok()
    assert (out / "en-nl.json").read_bytes() != before[out / "en-nl.json"][0]


def test_unequal_texts_are_refused(command, translations, tmp_path):
    (translations / "en-nl.hyp.txt").write_text("x\n")
    result = score(command, translations, tmp_path / "out")
    assert result.code == 2
    assert "has 1 lines" in result.err
    assert "has 4" in result.err


def test_statistics_are_whole_numbers(command, translations, tmp_path):
    from workflow_scripts.artifacts import read_segments

    score(command, translations, tmp_path / "out").ok()
    segments, metadata = read_segments(tmp_path / "out/en-nl.segments.parquet")
    assert set(segments) == {("raw", "BLEU"), ("raw", "chrF2++")}
    assert segments["raw", "BLEU"].shape == (4, 10)
    assert segments["raw", "chrF2++"].shape == (4, 24)
    assert np.array_equal(segments["raw", "BLEU"], segments["raw", "BLEU"].astype(int))
    assert metadata["pair"] == "en-nl"


def test_scores_of_real_text_are_sacrebleus(shared):
    files = direction_files(shared / "data/ec30-results/mT-big-NS/en-nl")
    rows = read_direction(files)[:60]
    sides = [[row[role] for row in rows] for role in ("hypothesis", "reference")]
    found = scored(*sides)
    for metric in (BLEU(), CHRF(word_order=2), TER()):
        expected = metric.corpus_score(sides[0], [sides[1]])
        assert found[expected.name, "raw"][0]["score"] == pytest.approx(expected.score, abs=1e-9)


def test_a_metric_more_leaves_the_scores_of_the_others(command, translations, tmp_path):
    score(command, translations, tmp_path / "two").ok()
    score(command, translations, tmp_path / "two", "--metrics", "bleu", "chrf++", "ter").ok()
    three = json.loads((tmp_path / "two/en-nl.json").read_text())
    score(command, translations, tmp_path / "one").ok()
    one = json.loads((tmp_path / "one/en-nl.json").read_text())
    assert three[:2] == one
    assert [entry["name"] for entry in three] == ["BLEU", "chrF2++", "TER"]


def test_what_a_metric_lacks_and_unknown_metrics_are_refused(command, translations, tmp_path):
    lacking = score(command, translations, tmp_path / "out", "--metrics", "spbleu")
    assert lacking.code == 2
    assert "metric spbleu needs --spbleu" in lacking.err
    with pytest.raises(UserError, match=r"there is no metric wer; there are BLEU, chrF\+\+, spBLEU, TER, COMET"):
        called("wer")


@settings(max_examples=50)
@given(st.text(alphabet="abé हि.,!( ", max_size=25), st.text(alphabet="abé हि.,!( ", max_size=25))
def test_chrf_statistics_are_sacrebleus(hypothesis, reference):
    from workflow_scripts.scoring.shared_ngrams import CHRFPlusPlus

    mine, theirs = CHRFPlusPlus(), CHRF(word_order=2)
    found = [metric._extract_corpus_statistics([hypothesis], [[reference]]) for metric in (mine, theirs)]
    assert found[0] == found[1]
    assert (
        mine.corpus_score([hypothesis], [[reference]]).score == theirs.corpus_score([hypothesis], [[reference]]).score
    )
    assert str(mine.get_signature()) == str(theirs.get_signature())
