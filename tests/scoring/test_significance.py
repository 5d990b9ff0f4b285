"""Significance: the tests on statistics that were computed before, against sacrebleu's own on the texts."""

import json
import random

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from workflow_scripts import batch
from workflow_scripts.artifacts import write_segments
from workflow_scripts.scoring import resampling
from workflow_scripts.scoring import significance as significance_tests
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.names import called
from workflow_scripts.scoring.outcomes import outcome
from workflow_scripts.scoring.scores import score_variants
from workflow_scripts.scoring.significance import TESTS

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


OPTIONS = {"bleu": {"bleu_tokenize": {}}, "chrf++": {}, "ter": {}, "comet": {}}


def compare(ours, theirs, name, *options):
    metric = called(name)
    key = next(key for key in METRICS if METRICS[key] is metric)
    return significance_tests.compare(ours, theirs, metric, metric.summed("nl", OPTIONS[key]), *options)


def statistics(hypotheses, references, metrics=("bleu", "chrf++")):
    scorers = {METRICS[key].stored_name: METRICS[key].scorer("nl", **OPTIONS[key]) for key in metrics}
    found = score_variants(scorers, hypotheses, references, "none", "nl")
    return {score["name"]: values.astype(float) for score, values in found}


@pytest.mark.parametrize("test", TESTS)
def test_equals_sacrebleu_on_the_texts(texts, test, monkeypatch):
    references, good, bad = texts
    ours, theirs = (statistics(text, references, ("bleu", "chrf++", "ter")) for text in (good, bad))
    monkeypatch.setenv("SACREBLEU_SEED", "222")
    metrics = {"BLEU": BLEU(), "chrF2++": CHRF(word_order=2), "TER": TER()}
    systems = [("theirs", bad), ("ours", good)]
    signatures, expected = PairedTest(systems, metrics, [references], test_type=TESTS[test], n_samples=200)()
    for name in metrics:
        found = compare(ours[name], theirs[name], name, test, 200, 222)
        assert found["score"] == pytest.approx(expected[name][1].score)
        assert found["against_score"] == pytest.approx(expected[name][0].score)
        assert found["signature"] == str(signatures[name])
        assert (found["difference"] < 0) == (name == "TER")
        same = compare(ours[name], ours[name], name, test, 200, 222)
        if test == "bootstrap":
            assert found["p"] is None, "intervals only"
            assert found["mean"] == pytest.approx(expected[name][1].mean, rel=1e-5)
            assert found["ci"] == pytest.approx(expected[name][1].ci, rel=1e-2)
            assert found["low"] < found["difference"] < found["high"]
            assert (same["low"], same["high"]) == (0, 0)
        else:
            assert found["p"] == pytest.approx(expected[name][1].p_value)
            assert outcome(found, called(name)) == "win"
            assert outcome(compare(theirs[name], ours[name], name, test, 200, 222), called(name)) == "loss"
            assert same["p"] == 1


@pytest.mark.parametrize("share", [0.13, 0.17, 0.2])
def test_the_same_swaps_give_sacrebleus_p(texts, share, monkeypatch):
    """Where p is neither 0 nor 1, too, and whatever is drawn at a time."""
    references, good, _ = texts
    generator = random.Random(share)
    other = [
        " ".join(generator.choice(WORDS) if generator.random() < share else word for word in line.split())
        for line in references
    ]
    monkeypatch.setenv("SACREBLEU_SEED", "7")
    monkeypatch.setattr(resampling, "CELLS", 64 * len(references))
    metrics = {"BLEU": BLEU(), "chrF2++": CHRF(word_order=2)}
    _, expected = PairedTest([("theirs", other), ("ours", good)], metrics, [references], "ar", 500)()
    ours, theirs = (statistics(text, references) for text in (good, other))
    for name in metrics:
        assert compare(ours[name], theirs[name], name, "randomization", 500, 7)["p"] == expected[name][1].p_value


@given(data=st.data(), name=st.sampled_from(["bleu", "chrf++"]))
def test_many_scores_at_once_are_the_single_ones(data, name):
    """For whatever sums: no match, nothing written, nothing to write, short texts."""
    scorer = METRICS[name].scorer("nl", **OPTIONS[name])
    columns = scorer.statistics(["een kat"], ["de kat"]).shape[1]
    numbers = st.integers(0, 5) | st.integers(0, 10**6)
    sums = np.array(data.draw(st.lists(st.lists(numbers, min_size=columns, max_size=columns), min_size=1, max_size=5)))
    expected = [scorer.score([int(part) for part in row]) for row in sums]
    assert scorer.scores(sums.astype(float)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_comet_is_tested_on_the_mean_of_segments():
    generator = np.random.default_rng(1)
    theirs = generator.normal(0.7, 0.1, (100, 1))
    ours = theirs + 0.03 + generator.normal(0, 0.01, (100, 1))
    better, interval = (compare(ours, theirs, "COMET", test, 300, 1) for test in ("randomization", "bootstrap"))
    assert better["against_score"] == pytest.approx(theirs.mean())
    assert better["difference"] == pytest.approx(0.03, abs=0.005)
    assert better["p"] < 0.05
    assert 0.02 < interval["low"] < better["difference"] < interval["high"] < 0.04
    noise = compare(theirs + generator.normal(0, 0.1, (100, 1)), theirs, "COMET", "randomization", 300, 1)
    assert noise["p"] > 0.05


def test_the_same_seed_gives_the_same_p(texts):
    references, good, bad = texts
    ours, theirs = statistics(good, references)["BLEU"], statistics(bad, references)["BLEU"]
    results = [compare(ours, theirs, "BLEU", "randomization", 100, seed) for seed in (5, 5, 6)]
    assert results[0] == results[1]
    assert "seed:6" in results[2]["signature"]


def test_resampled_ter_is_sacrebleus_of_the_resampled_segments(texts):
    references, good, _ = texts
    counted = statistics(good, references, ["ter"])["TER"]
    score = METRICS["ter"].summed("nl", {}).score
    generator = np.random.default_rng(3)
    for _ in range(5):
        lines = generator.integers(len(references), size=len(references))
        expected = TER().corpus_score([good[line] for line in lines], [[references[line] for line in lines]])
        assert score(counted[lines].sum(axis=0)) == pytest.approx(expected.score, abs=1e-9)


def test_an_unknown_metric_is_refused_with_the_known_ones(command, segments):
    for system in ("ns", "baseline"):
        write(segments / f"scores/{system}/en-nl.segments.parquet", {"WER": np.ones((3, 2))}, system)
    result = attempt(command, segments)
    assert result.code == 2
    assert "there is no metric WER; there are BLEU, chrF++, spBLEU, TER, COMET" in result.err


def test_segments_of_a_metric_that_is_not_asked_for_are_not_tested_as_another(command, segments):
    for system in ("ns", "baseline"):
        write(segments / f"scores/{system}/en-nl.segments.parquet", {"TER": np.ones((3, 2))}, system)
    result = attempt(command, segments)
    assert result.code == 2
    assert "segments of TER, which --metrics does not name" in result.err


def test_the_signature_says_the_tokenizer(command, segments):
    significance(command, segments, "--bleu-tokenize", '{"nl": "char"}')
    results = json.loads((segments / "significance/baseline/ns/en-nl.json").read_text())["results"]
    assert {entry["name"]: "tok:char" in entry["signature"] for entry in results} == {"BLEU": True, "chrF2++": False}


@pytest.fixture
def segments(texts, tmp_path):
    """Segments of two systems, as `score` keeps them."""
    references, good, bad = texts
    for system, hypotheses in (("ns", good), ("baseline", bad)):
        write(tmp_path / f"scores/{system}/en-nl.segments.parquet", statistics(hypotheses, references), system)
    return tmp_path


def write(path, found, made_from):
    rows = [
        {"text": "raw", "metric": name, "id": line, "score": None, "statistics": values.astype(int).tolist()}
        for name, own in found.items()
        for line, values in enumerate(own)
    ]
    write_segments(path, rows, {"pair": "en-nl", "made_from": made_from})


def attempt(command, folder, *options, against="baseline"):
    output = folder / f"significance/{against}/ns"
    return command(
        *("significance", "--system", "ns", "--against", against, "--pairs", "en-nl", "--seed", 1),
        *("--ours", folder / "scores/ns", "--theirs", folder / "scores/baseline", "--output", output),
        *("--bootstrap", 50, "--randomization", 60, *options),
    )


def significance(command, folder, *options, against="baseline"):
    """Run the command; whether the file was written."""
    path = folder / f"significance/{against}/ns/en-nl.json"
    before = path.stat().st_ino if path.exists() else None
    attempt(command, folder, *options, against=against).ok()
    return path.stat().st_ino != before


def test_the_command_tests_each_direction_once(command, segments):
    assert significance(command, segments)
    path = segments / "significance/baseline/ns/en-nl.json"
    content = json.loads(path.read_text())
    assert {key: content[key] for key in ("system", "against", "pair", "format")} == {
        "system": "ns",
        "against": "baseline",
        "pair": "en-nl",
        "format": 2,
    }
    assert [(entry["name"], entry["test"], entry["samples"]) for entry in content["results"]] == [
        (name, test, number)
        for name in ("BLEU", "chrF2++")
        for test, number in (("bootstrap", 50), ("randomization", 60))
    ]
    assert all(entry["difference"] > 0 for entry in content["results"])
    assert not significance(command, segments), "nothing changed, nothing is tested again"
    assert significance(command, segments, "--randomization", 0)
    assert {entry["test"] for entry in json.loads(path.read_text())["results"]} == {"bootstrap"}


def test_tests_follow_the_segments_themselves(command, segments, texts, monkeypatch):
    references, good, bad = texts
    significance(command, segments)
    theirs = segments / "scores/baseline/en-nl.segments.parquet"
    write(theirs, statistics(bad, references), "other inputs and code, the same numbers")
    assert not significance(command, segments)
    write(theirs, statistics(good, references), "baseline")
    assert significance(command, segments), "other numbers under the same name"
    assert significance(command, segments, "--seed", 2)
    assert not significance(command, segments, "--seed", 2)
    assert significance(command, segments, "--seed", 2, against="dense"), "another contrast has a file of its own"
    with monkeypatch.context() as patch:
        patch.setenv(batch.RECOMPUTE, "*")
        assert significance(command, segments, "--seed", 2)
    monkeypatch.setattr(batch, "step_digest", lambda step, *registered: f"other code of {step}")
    assert significance(command, segments, "--seed", 2)


def test_segments_of_another_version_are_refused(command, segments):
    path = segments / "scores/ns/en-nl.segments.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({"pair": "en-nl"}), path)
    result = command(
        *("significance", "--system", "ns", "--against", "baseline", "--pairs", "en-nl", "--seed", 1),
        *("--ours", path.parent, "--theirs", segments / "scores/baseline", "--output", segments / "out"),
    )
    assert result.code == 2
    assert "move the folder results/<run> away" in result.err
