"""The published table of the paper's mT-big models, from fairseq's output alone, by the shipped configuration."""

from __future__ import annotations

import csv
import json
import subprocess

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def published(shared):
    """The published figures: `{(model, direction): row}`."""
    path = shared / "data/ec30-results/published_scores_20_directions.csv"
    with path.open(newline="") as file:
        return {(row["model"], row["direction"]): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def directions(shared, tmp_path_factory):
    """`{(system, pair, metric, text): row}` of directions.csv."""
    folder = tmp_path_factory.mktemp("published")
    # The tests of significance are not asked for here; they take half of the time.
    quicker = folder / "quicker.json"
    quicker.write_text(json.dumps({"score": {"significance": {"bootstrap": 0, "randomization": 0}}}))
    outputs = shared / "data/ec30-results"
    command = [ROOT / ".venv/bin/snakemake", "--snakefile", ROOT / "Snakefile", "--cores", "2"]
    command += ["--configfile", ROOT / "config/published.yaml", quicker, "--directory", folder]
    command += ["--config", f"outputs={outputs}", "run=trial"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "results/trial/report.html").exists()
    with (folder / "results/trial/tables/directions.csv").open(newline="") as file:
        return {(row["system"], row["pair"], row["metric"], row["text"]): row for row in csv.DictReader(file)}


@pytest.mark.parametrize(("metric", "column"), [("BLEU", "bleu"), ("chrF++", "chrfpp")])
def test_all_forty_to_the_printed_decimal(directions, published, metric, column):
    assert len(published) == 40
    for (model, pair), row in published.items():
        found = directions[model, pair, metric, "published"]
        assert f"{float(found['score']):.1f}" == row[column], (model, pair)
        assert float(found["published"]) == float(row[column])
        assert found["signature"].rpartition("|")[0] == row[f"{column}_signature"].rpartition("|")[0]


@pytest.mark.parametrize("model", ["mT-big-baseline", "mT-big-NS"])
@pytest.mark.parametrize(("metric", "column"), [("BLEU", "bleu"), ("chrF++", "chrfpp")])
def test_averages_equal_those_of_the_published_rows(directions, published, model, metric, column):
    for out_of_english in (True, False):
        pairs = [pair for name, pair in published if name == model and pair.startswith("en-") == out_of_english]
        assert len(pairs) == 10
        ours = [round(float(directions[model, pair, metric, "published"]["score"]), 1) for pair in pairs]
        theirs = [float(published[model, pair][column]) for pair in pairs]
        assert sum(ours) / 10 == pytest.approx(sum(theirs) / 10)


def test_repaired_text_changes_hindi_and_marathi_and_not_dutch(directions):
    def change(pair, metric="BLEU", model="mT-big-NS"):
        scores = (float(directions[model, pair, metric, text]["score"]) for text in ("published", "repaired"))
        before, after = scores
        return after - before

    assert change("en-hi") < -5
    assert change("en-mr") < -10
    assert change("en-af") > 1
    for pair in ("en-nl", "nl-en", "hi-en", "mr-en"):
        assert change(pair) == 0
        assert change(pair, "chrF++") == 0


def test_unknown_references_are_counted(directions):
    found = {
        pair: int(directions["mT-big-NS", pair, "BLEU", "repaired"]["unknown_references"])
        for pair in ("en-mr", "en-hi", "en-am", "en-af", "en-nl", "mr-en")
    }
    assert found == {"en-mr": 63, "en-hi": 3, "en-am": 2, "en-af": 1, "en-nl": 0, "mr-en": 0}
