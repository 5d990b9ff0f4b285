"""The report: one file with everything in it."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from tests.scoring.test_tables import LANGUAGES, SCORES, rows
from workflow_scripts.reporting import costs, verdict
from workflow_scripts.scoring import tables

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="10" height="10"/></svg>'


@pytest.fixture
def run_folder(tmp_path):
    """Tables, a figure, overlap and benchmarks of a run."""
    (tmp_path / "tables/overlap-ns").mkdir(parents=True)
    directions = tables.directions(rows())
    directions.to_csv(tmp_path / "tables/directions.csv", index=False)
    tables.summary(directions, LANGUAGES, "en", "baseline").to_csv(tmp_path / "tables/summary.csv", index=False)
    test = {"test_set": "test", "system": "ns", "pair": "en-nl", "metric": "BLEU", "text": "raw"}
    test |= {"test": "randomization"}
    tests = [test | {"against": "dense", "outcome": "loss"}, test | {"against": "baseline", "outcome": "win"}]
    pd.DataFrame(tests).to_csv(tmp_path / "tables/significance.csv", index=False)
    wins = {"test_set": "test", "against": "baseline", "metric": "BLEU", "text": "raw", "system": "ns"}
    wins |= {"test": "randomization", "wins": 1, "ties": 4, "losses": 1}
    pd.DataFrame([wins]).to_csv(tmp_path / "tables/wins.csv", index=False)
    mean = {"test_set": "test", "against": "baseline", "metric": "BLEU", "text": "raw", "system": "ns", "type": "Avg"}
    mean |= {"tier": "All", "primary": True, "difference": 2.0, "people": 0.77}
    ends = [{"low": 1.0, "high": 3.0}, {"p": 0.01, "p_holm": 0.02, "outcome": "win"}]
    pd.DataFrame([mean | one for one in ends]).to_csv(tmp_path / "tables/means.csv", index=False)
    claim = {"test_set": "test", "metric": "BLEU", "text": "raw", "group": "ns-mean", "against": "dense-mean"}
    claim |= {"kind": "contrast", "tier": "All", "type": "Avg", "seeds": 6}
    claims = [claim | {"difference": 0.5, "low": 0.1, "high": 0.9, "p": 0.0313}]
    claims += [claim | {"kind": "another seed", "difference": 0.3, "high": 0.7}]
    pd.DataFrame(claims).to_csv(tmp_path / "tables/seeds.csv", index=False)
    families = {
        "selection": "ns",
        "neurons": "specialized neurons, k = 95",
        "component": "decoder",
        "layer": "all",
        "type": "O2M",
        "within": 0.877,
        "across": 0.763,
        "corrected_within": 0.5,
        "corrected_across": 0.1,
        "p": 0.003,
        "kept_p": 0.004,
        "ari": 1,
        "halves": 0.95,
        "note": "",
    }
    alone = families | {"selection": "alone", "within": None, "corrected_within": None}
    alone |= {"p": None, "kept_p": None, "ari": None}
    alone |= {"note": "no two languages are of one family"}
    pd.DataFrame([families, alone]).to_csv(tmp_path / "tables/overlap-ns/families.csv", index=False)
    shares = [{"group": "all", "name": "", "share": 0.4}, {"group": "language", "name": "de", "share": 0.02}]
    shares = [{"selection": "ns", "component": "decoder", "type": "O2M", "layer": 0} | share for share in shares]
    pd.DataFrame(shares).to_csv(tmp_path / "tables/overlap-ns/shared.csv", index=False)
    (tmp_path / "overlap-by-layer-ns.svg").write_text(SVG)
    for stage, seconds in (("baseline", 100), ("decode", 20)):
        folder = tmp_path / "benchmarks" / stage
        folder.mkdir(parents=True)
        row = {"s": seconds, "cpu_time": seconds * 0.9, "max_rss": 500.0}
        # The last line is half written, as a kill leaves it.
        (folder / "x.jsonl").write_text(f'{json.dumps(row | {"s": 1})}\n{json.dumps(row)}\n{{"s": 5, "cp')
    return tmp_path


def make(command, folder, *options):
    config = {"run": "trial <b>", "seed": 222, "systems": {"ns": {"masks": {"k": 95, "seed": 7}}}}
    command(
        *("report", folder / "tables", "--config", json.dumps(config), "--benchmarks", folder / "benchmarks"),
        *("--output", folder / "report.html", *options),
    ).ok()
    return (folder / "report.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Collects what a page would load, and what it says."""

    def __init__(self, text):
        super().__init__()
        self.links, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data):
        self.words.append(data)


def test_everything_is_in_one_file_that_loads_nothing(command, run_folder):
    figure = run_folder / "overlap-by-layer-ns.svg"
    overlap = run_folder / "tables/overlap-ns/families.csv"
    text = make(command, run_folder, "--against", "baseline", "--figures", figure, "--overlaps", overlap)
    page = Page(text)
    loaded = [link for link in page.links if not link.startswith(("data:", "#"))]
    assert {"tables/summary.csv", "overlap-by-layer-ns.pdf"} <= set(loaded)
    assert not any(":" in link or link.startswith("/") for link in loaded), "links lead to files beside the page"
    assert not re.search(r"url\(|@import|<script [^>]*src", text)
    words = re.sub(r"\s+", " ", " ".join(page.words))
    for expected in ("trial <b>", "+2.0", "0.877", "1 min 40 s", "2 min 00 s", "222", "k: 95", "Overlap by layer: ns"):
        assert expected in words, expected
    assert "alone decoder O2M not defined 0.763 not defined 0.100 not defined not defined not defined" in words
    assert (
        "ns is better than baseline by 2.0 BLEU (95 % interval +1.0 … +3.0, p = 0.0200), better in 1, worse in 1 of 6 "
        "directions; of 100 pairs of systems so far apart people prefer the better one in 77."
    ) in words
    assert (
        "Over 6 training seeds, ns-mean − dense-mean is +0.5 BLEU (95 % interval +0.1 … +0.9, p = 0.0313 by sign flips)"
    ) in words
    assert "BLEU (primary) raw Avg +2.0 +1.0 … +3.0 0.0200 77" in words
    assert "Methods, by training seeds" in words
    assert "BLEU raw ns-mean dense-mean Avg 6 +0.5 +0.1 … +0.9 0.0313" in words
    assert "BLEU raw ns-mean another seed Avg 6 0.3 at most 0.7 –" in words
    assert "ns decoder O2M 40.0 not defined 2.0 not defined not defined" in words
    assert "Not defined where no two languages are of one family." in words
    assert "nan" not in words
    assert 'class="win"' in text
    assert '<span class="loss">11' not in text, "a test against another system marks nothing"


def test_a_run_without_masks_baseline_tests_or_benchmarks_has_a_report(command, run_folder):
    for name in ("significance", "wins", "means", "seeds"):
        (run_folder / f"tables/{name}.csv").unlink()
    for path in (run_folder / "benchmarks").glob("*/*"):
        path.unlink()
    text = make(command, run_folder)
    assert "Is it real?" not in text
    assert "What came out" not in text
    assert "Do related languages" not in text
    assert "No benchmarks were found." in text


def test_costs_count_the_last_run_of_each_job(run_folder):
    found = {cost.stage: cost for cost in costs.by_stage(run_folder / "benchmarks")}
    assert found["baseline"].seconds == 100
    assert found["all"].seconds == 120
    assert found["all"].jobs == 2
    assert found["all"].memory == 500


def test_every_contrast_has_its_differences_and_its_marks(command, run_folder):
    scores = SCORES | {"dense": {pair: score + 3 for pair, score in SCORES["ns"].items()}}
    directions = tables.directions(rows(scores))
    directions.to_csv(run_folder / "tables/directions.csv", index=False)
    summary = tables.summary(directions, LANGUAGES, "en", ["baseline", "dense"])
    summary.to_csv(run_folder / "tables/summary.csv", index=False)
    text = make(command, run_folder, "--against", "baseline", "dense")
    assert '<span class="delta up" title="to baseline">+2.0 (baseline)</span>' in text
    assert '<span class="delta down" title="to dense">−3.0 (dense)</span>' in text
    _, against_baseline, against_dense = text.split("<details")[:3]
    assert "against baseline</summary>" in against_baseline
    assert '<span class="win">11.0' in against_baseline
    assert "against dense</summary>" in against_dense
    assert '<span class="loss">11.0' in against_dense


def one_of(system, against, difference, outcome="win"):
    row = {"test_set": "test", "metric": "BLEU", "primary": True, "text": "raw", "tier": "All", "type": "Avg"}
    row |= {"system": system, "against": against, "difference": difference, "people": 0.6, "low": None, "high": None}
    return row | {"p_holm": 0.01, "outcome": outcome}


def test_what_rounds_to_nothing_is_not_told_as_nothing():
    means = pd.DataFrame([one_of("ns", "baseline", 0.004), one_of("random", "baseline", 0.004, "tie")])
    surely, hardly = verdict.verdicts(means, pd.DataFrame(), ["baseline"])
    assert surely["clauses"][0]["amount"] == "less than 0.1 BLEU"
    assert hardly["clauses"][0]["amount"] == "+0.0 BLEU"


def test_two_systems_that_others_are_compared_with_are_told_apart_once():
    rows = [one_of("dense", "baseline", 2.0), one_of("baseline", "dense", -2.0, "loss"), one_of("ns", "dense", 1.0)]
    found = verdict.verdicts(pd.DataFrame(rows), pd.DataFrame(), ["baseline", "dense"])
    told = {one["system"]: [clause["against"] for clause in one["clauses"]] for one in found}
    assert told == {"dense": ["baseline"], "ns": ["dense"]}
