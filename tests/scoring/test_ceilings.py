"""What the run's own cleaning puts out of a model's reach is scored, tabulated and said."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, TER

from tests.scoring.test_tables import rows
from tests.test_configuration import BASE, SCHEMA
from workflow_scripts.configuration import complete
from workflow_scripts.corpus.normalize import Normalizer
from workflow_scripts.corpus.test_lines import Side
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.run import Run
from workflow_scripts.scoring import ceilings, checks, tables
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.steps.ceiling import ceilings as computed

REFERENCES = ["Il a dit : « Oui, merci beaucoup. »", "L’été dernier, nous étions là…", "Un chat noir dort ici."]
PAIRS = "en-fr,fr-en"
METRICS_ASKED = ("--metrics", "bleu", "chrf++", "ter")


@pytest.fixture
def text(tmp_path):
    """A test set with French quotation marks, pair-wise."""
    for code, lines in (("fr", REFERENCES), ("en", ["He said yes, thank you.", "Last summer we were here.", "A cat."])):
        (tmp_path / f"test.en-fr.{code}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return tmp_path


def make(command, folder, punctuation, *options):
    settings = json.dumps({"punctuation": punctuation})
    arguments = ("--folder", folder, "--pairs", PAIRS, "--settings", settings, "--output", folder / "ceilings")
    command("ceiling", *arguments, *METRICS_ASKED, *options).ok()
    found = json.loads((folder / "ceilings/en-fr.json").read_text())
    return {entry["name"]: entry for entry in found["results"]}


def test_cleaned_references_are_scored_against_raw_ones(command, text):
    found = make(command, text, True)
    cleaned = [Normalizer("fr", True)(line) for line in REFERENCES]
    assert cleaned != REFERENCES
    for metric in (BLEU(), TER()):
        expected = metric.corpus_score(cleaned, [REFERENCES])
        assert found[type(metric).__name__]["score"] == pytest.approx(expected.score)
    assert 0 < found["BLEU"]["score"] < found["BLEU"]["best"] == pytest.approx(100)
    assert found["TER"]["score"] > found["TER"]["best"] == 0
    assert found["chrF2++"]["signature"].startswith("nrefs:1|")


def test_what_is_not_normalized_is_within_reach(command, text):
    found = make(command, text, False)
    assert {name: entry["score"] - entry["best"] for name, entry in found.items()} == dict.fromkeys(found, 0)


def test_of_real_references(command, tmp_path, shared):
    """What normalizing the punctuation of the training text cost by default, before it was left alone."""
    arguments = ("--folder", shared / "data/ntrex", "--pairs", "en-fr", "--output", tmp_path, "--metrics", "bleu")
    for punctuation, expected in ((True, 82.4), (False, 100.0)):
        command("ceiling", *arguments, "--settings", json.dumps({"punctuation": punctuation})).ok()
        (entry,) = json.loads((tmp_path / "en-fr.json").read_text())["results"]
        assert round(entry["score"], 1) == expected


def test_what_is_current_is_left(command, text):
    make(command, text, True)
    files = {name: text / f"ceilings/{name}.json" for name in PAIRS.split(",")}

    def written(*arguments):
        before = {name: path.stat().st_ino for name, path in files.items()}
        make(command, text, *arguments)
        return {name for name, path in files.items() if path.stat().st_ino != before[name]}

    assert written(True) == set()
    assert written(False) == {"en-fr"}, "of English, normalization changes nothing"
    (text / "test.en-fr.fr").write_text("Oui.\nNon.\nUn chat.\n", encoding="utf-8")
    assert written(False) == {"en-fr"}, "sources do not count"
    assert written(False, "--bleu-tokenize", '{"fr": "char"}') == {"en-fr"}


WORDS = st.lists(st.sampled_from(["«", "»", "un", "chat", "’été", "…"]), min_size=1, max_size=9).map(" ".join)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_the_best_score_is_that_of_the_references_themselves(lines):
    cleaned, raw = map(list, zip(*lines, strict=True))
    scorers = {METRICS[key].stored_name: METRICS[key].scorer("fr", **options) for key, options in KINDS.items()}
    found, alike = (computed(Side(raw, lines, raw), scorers, "none", "fr") for lines in (cleaned, raw))
    assert [entry["best"] for entry in found] == [entry["score"] for entry in alike]
    assert [(entry["score"], entry["best"]) for entry in alike if entry["name"] != "BLEU"] == [(100, 100), (0, 0)]


KINDS = {"bleu": {"bleu_tokenize": {"default": "13a"}}, "chrf++": {}, "ter": {}}
ENTRIES = {
    "en-nl": [
        {"name": "BLEU", "text": "raw", "score": 82.41, "best": 100.0},
        {"name": "TER", "text": "raw", "score": 9.0, "best": 0.0},
    ],
    "en-de": [
        {"name": "BLEU", "text": "raw", "score": 99.96, "best": 100.0},
        {"name": "TER", "text": "raw", "score": 0.0, "best": 0.0},
    ],
}


def written(folder, test_set=""):
    for pair, results in ENTRIES.items():
        path = folder / test_set / f"{pair}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"pair": pair, "results": results}))


def test_columns_and_a_remark(tmp_path):
    written(tmp_path)
    scores = {"ns": {"en-nl": 20, "en-de": 20}, "theirs": {"en-nl": 20}}
    frame = tables.directions([*rows(scores), *rows(scores, "TER"), *rows(scores, test_set="news")])
    known = {"test": {"ns": [Direction("en", "nl"), Direction("en", "de")]}}
    full = ceilings.added(frame, ceilings.read(tmp_path, known))
    assert list(full.columns) == [*frame.columns, "ceiling", "out_of_reach"]
    assert len(full) == len(frame)
    cell = full.set_index(["test_set", "system", "pair", "metric"])["out_of_reach"]
    assert cell["test", "ns", "en-nl", "BLEU"] == pytest.approx(17.59)
    assert cell["test", "ns", "en-nl", "TER"] == 9, "where less is better, too"
    assert cell["news"].isna().all()
    assert pd.isna(cell["test", "theirs", "en-nl", "BLEU"])
    (section, *others) = checks.sections(full, checks.means(full, "en"), ["ns"])
    assert others == []
    assert [remark.partition(".  ")[0] for remark in section.remarks] == section.remarks
    assert section.remarks[0].startswith("Ceiling of BLEU: en-nl 82.4. "), "what rounds to nothing is left out"
    assert section.remarks[1].startswith("Ceiling of TER: en-nl 9.0. ")
    assert list(ceilings.added(frame, []).columns) == list(full.columns)


def test_a_missing_file_and_one_of_another_direction_are_refused(tmp_path):
    written(tmp_path, "news")
    known = {"news": {"ns": [Direction("nl", "en")]}}
    with pytest.raises(UserError, match=r"news/nl-en.json does not exist: make the ceiling of nl-en first"):
        list(ceilings.read(tmp_path, known))
    (tmp_path / "news/nl-en.json").write_text(json.dumps({"pair": "en-nl", "results": []}))
    with pytest.raises(UserError, match=r"nl-en.json is of en-nl"):
        list(ceilings.read(tmp_path, known))


@pytest.mark.parametrize(
    ("data", "known"),
    [
        ({"source": "synthetic"}, {"test", "news"}),
        ({"source": "databin", "databin": {"path": "bin"}, "sentencepiece": {"model": "m"}}, {"news"}),
    ],
)
def test_ceilings_are_of_test_sets_that_are_made_from_text(tmp_path, data, known):
    for code in ("en", "de"):
        (tmp_path / f"test.{code}").write_text("x\n")
    made = complete({**BASE, "data": data, "test_sets": {"news": str(tmp_path)}}, SCHEMA)
    stage = Run.from_config(made, SCHEMA.parent.parent).scoring
    assert set(stage.ceilings) == set(stage.files_of_ceilings) == known
    assert stage.files_of_ceilings["news"] == [f"results/test/ceilings/news/{pair}.json" for pair in ("en-de", "de-en")]
    assert {name for found in stage.ceilings.values() for name in found} == {"baseline", "ns"}
