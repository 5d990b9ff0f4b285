"""Values that no key may have, whatever the schema says of it, and the traps of YAML."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.test_configuration import SCHEMA, run_of
from workflow_scripts import configuration, readiness
from workflow_scripts.errors import UserError

TEXT = """
run: test
languages: {table: config/languages/ec30.tsv, codes: [en, de]}
systems: {baseline: {}, ns: {masks: {select: cumulative, k: 95}}, dense: {continue: true}}
"""


def refused(more: str) -> str:
    with pytest.raises(UserError) as error:
        configuration.complete(yaml.safe_load(TEXT) | yaml.safe_load(more), SCHEMA)
    return str(error.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("decode: {length_penalty: .nan}", "decode.length_penalty: nan is no number"),
        ("report: {overlap_k: .inf}", "report.overlap_k: inf is no number"),
        ('run: "test\\n"', "run: 'test\\n' holds a line end"),
        ('systems: {"ns\\n": {}}', "a key of systems: 'ns\\n' holds a line end"),
        ("test_sets: {no: x}", "test_sets: the key False is no text; YAML reads no, off and false like this"),
        ("languages: {table: x, codes: [en, no]}", "languages.codes.1: .*YAML reads no, off and false like this"),
        ("training: {lr: 2e-3}", "training.lr: .*write 2.0e-3"),
        ("training: {lr: 1E5}", "training.lr: .*write 1.0e[+]5"),
        ("seed: 4294967296", "seed: 4294967296 is greater than the maximum"),
        ("training: {seed: 4294967296}", "training.seed: 4294967296 is greater than the maximum"),
    ],
)
def test_what_no_key_takes_is_refused_by_name(more, words):
    assert re.search(words.replace("\\n", r"\\n"), refused(more)), refused(more)


def test_a_path_with_a_brace_is_refused_by_its_key():
    with pytest.raises(UserError, match=re.escape("text: 'a{b}' has a brace")):
        run_of(data__source="text", text="a{b}")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("system,pair,metric\nns,en-de,BLEU\n", "line 1: the columns must be"),
        ("system,pair,metric,score\nns,en-de,BLEU,\n", "line 2: the score '' is no finite number"),
        ("system,pair,metric,score\nns,en-de,BLEU,abc\n", "line 2: the score 'abc'"),
        ("system,pair,metric,score\nns,en-de,BLEU,nan\n", "line 2: the score 'nan'"),
        ("system,pair,metric,score\nns,ende,BLEU,1\n", "line 2: 'ende'"),
        ("system,pair,metric,score\nns,en-de,BLUE,1\n", "line 2: there is no metric BLUE"),
        ("system,pair,metric,score\nns,en-de,BLEU,1\nns,en-de,BLEU,2\n", "line 3: .* twice"),
        ("system,pair,metric,score\n", "has no scores"),
    ],
)
def test_published_scores_are_read_with_the_configuration(content, words, tmp_path):
    path = tmp_path / "published.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=words):
        run_of(score={"published": str(path)})


@pytest.mark.parametrize(
    ("tokenizer", "words"), [("13b", "none of sacrebleu's tokenizers"), ("ja-mecab", "needs MeCab")]
)
def test_tokenizers_are_looked_for_with_the_configuration(tokenizer, words, monkeypatch):
    monkeypatch.setattr("workflow_scripts.scoring.metrics.bleu.find_spec", lambda name: None)
    with pytest.raises(UserError, match=words):
        run_of(score={"bleu_tokenize": {"de": tokenizer}})


def test_a_neural_metric_without_its_environment_or_model_is_said_before_anything_runs(tmp_path):
    run = run_of(score={"comet": {"model": "no such model"}})
    object.__setattr__(run, "base", tmp_path)
    missing, model = readiness.lacking(run)
    assert "python3 envs/create.py comet" in missing
    assert model.startswith("score.comet.model: 'no such model'")


def test_replicates_that_differ_in_more_than_their_seed_are_doubted():
    masks = {"masks": {"select": "cumulative", "k": 95}}
    systems = {"a": masks, "b": masks | {"training": {"seed": 5}}, "c": masks | {"training": {"lr": 1.0}}}
    fine = run_of(systems=systems, score={"replicates": {"mean": ["a", "b"]}})
    assert not list(readiness.doubtful(fine))
    (said,) = readiness.doubtful(run_of(systems=systems, score={"replicates": {"mean": ["a", "c"]}}))
    assert "score.replicates.mean: a, c differ in more" in said
