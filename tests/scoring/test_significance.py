"""Significance: sacrebleu's own tests, given statistics that were computed before."""

import json
import random

import numpy as np
import pandas as pd
import pytest
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from workflow_scripts.artifacts import write_segments
from workflow_scripts.scoring.metrics import MetricSet, score_readings
from workflow_scripts.scoring.significance import TESTS, compare, outcome, outcomes

WORDS = ["de", "het", "een", "kat", "hond", "mat", "zit", "loopt", "op", "onder", "huis", "boom", "rood", "groot"]


@pytest.fixture(scope="module")
def texts():
    """References, and two systems: one that changes few words, one that changes many."""
    generator = random.Random(3)
    references = [" ".join(generator.choices(WORDS, k=8)) for _ in range(60)]

    def worse(share):
        return [
            " ".join(generator.choice(WORDS) if generator.random() < share else word for word in line.split())
            for line in references
        ]

    return references, worse(0.15), worse(0.4)


def statistics(hypotheses, references):
    found = score_readings(MetricSet({}).of("nl"), hypotheses, references, "none", "nl")
    return {score["name"]: values.astype(float) for score, values in found}


@pytest.mark.parametrize("test", TESTS)
def test_equals_sacrebleu_on_the_texts(texts, test, monkeypatch):
    references, good, bad = texts
    ours, theirs = statistics(good, references), statistics(bad, references)
    monkeypatch.setenv("SACREBLEU_SEED", "222")
    metrics = {"BLEU": BLEU(), "chrF2++": CHRF(word_order=2)}
    systems = [("theirs", bad), ("ours", good)]
    signatures, expected = PairedTest(systems, metrics, [references], test_type=TESTS[test], n_samples=200)()
    for name in metrics:
        found = compare(ours[name], theirs[name], name, test, 200, 222)
        assert found["score"] == pytest.approx(expected[name][1].score)
        assert found["against_score"] == pytest.approx(expected[name][0].score)
        assert found["p"] == pytest.approx(expected[name][1].p_value)
        assert found["signature"] == str(signatures[name])
        assert outcome(found) == "win"
        assert outcome(compare(theirs[name], ours[name], name, test, 200, 222)) == "loss"
        assert compare(ours[name], ours[name], name, test, 200, 222)["p"] == 1


def test_comet_is_tested_on_the_mean_of_segments():
    generator = np.random.default_rng(1)
    theirs = generator.normal(0.7, 0.1, (100, 1))
    better = compare(theirs + 0.03 + generator.normal(0, 0.01, (100, 1)), theirs, "COMET", "bootstrap", 300, 1)
    assert better["against_score"] == pytest.approx(theirs.mean())
    assert better["difference"] == pytest.approx(0.03, abs=0.005)
    assert better["p"] < 0.05
    noise = compare(theirs + generator.normal(0, 0.1, (100, 1)), theirs, "COMET", "randomization", 300, 1)
    assert noise["p"] > 0.05


def test_the_same_seed_gives_the_same_p(texts):
    references, good, bad = texts
    ours, theirs = statistics(good, references)["BLEU"], statistics(bad, references)["BLEU"]
    results = [compare(ours, theirs, "BLEU", "randomization", 100, seed) for seed in (5, 5, 6)]
    assert results[0] == results[1]
    assert "seed:6" in results[2]["signature"]


@pytest.mark.parametrize(
    ("p", "difference", "expected"),
    [(0.049, 1.0, "win"), (0.049, -1.0, "loss"), (0.05, 1.0, "tie"), (0.2, -3.0, "tie"), (0.01, 0.0, "tie")],
)
def test_outcome(p, difference, expected):
    assert outcome({"p": p, "difference": difference}) == expected


def test_outcomes_are_counted():
    common = {"metric": "BLEU", "text": "raw", "system": "ns", "test": "bootstrap"}
    table = pd.DataFrame([common | {"outcome": value} for value in ("win", "tie", "win")])
    assert outcomes(table).to_dict("records") == [common | {"wins": 2, "ties": 1, "losses": 0}]


def test_the_command_tests_each_direction_once(command, texts, tmp_path):
    references, good, bad = texts
    for system, hypotheses in (("ns", good), ("baseline", bad)):
        rows = [
            {"text": "raw", "metric": name, "id": line, "score": None, "statistics": values.astype(int).tolist()}
            for name, segments in statistics(hypotheses, references).items()
            for line, values in enumerate(segments)
        ]
        write_segments(tmp_path / system / "en-nl.segments.parquet", rows, {"pair": "en-nl", "inputs": system})
    options = ("--system", "ns", "--against", "baseline", "--pairs", "en-nl", "--seed", 1)
    samples = ("--bootstrap", 50, "--randomization", 60)
    command("significance", tmp_path, *options, *samples).ok()
    path = tmp_path / "ns/en-nl.significance.json"
    entries = json.loads(path.read_text())
    assert [(entry["name"], entry["test"], entry["samples"]) for entry in entries] == [
        (name, test, number)
        for name in ("BLEU", "chrF2++")
        for test, number in (("bootstrap", 50), ("randomization", 60))
    ]
    assert all(entry["against"] == "baseline" and entry["difference"] > 0 for entry in entries)
    first = path.stat().st_ino
    command("significance", tmp_path, *options, *samples).ok()
    assert path.stat().st_ino == first, "nothing changed, nothing is tested again"
    command("significance", tmp_path, *options, "--bootstrap", 50, "--randomization", 0).ok()
    assert {entry["test"] for entry in json.loads(path.read_text())} == {"bootstrap"}
