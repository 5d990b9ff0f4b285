"""Translations side by side: the lines in which two systems differ most."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from workflow_scripts.artifacts import write_translations
from workflow_scripts.reporting.samples import marked, sections

REFERENCES = ["the cat sat on the mat", "a dog ran", "it is <b>cold</b> today"]
HYPOTHESES = {
    "baseline": ["the cat sat on the mat", "no word here at all", "it is <b>cold</b>"],
    "ns": ["the cat sat on the mat", "a dog ran", "it is <b>cold</b> now"],
    "dense": ["the cat sat", "a dog", "it is"],
}


@pytest.fixture
def results(tmp_path, command):
    """Translations and scores of one direction, as the pipeline leaves them."""
    for name, texts in HYPOTHESES.items():
        folder = tmp_path / "translations" / name
        folder.mkdir(parents=True)
        rows = [
            {"id": line, "source": f"source {line}", "reference": reference, "hypothesis": text, "score": -1.0}
            for line, (text, reference) in enumerate(zip(texts, REFERENCES, strict=True))
        ]
        for end, lines in (("hyp", texts), ("ref", REFERENCES), ("src", [row["source"] for row in rows])):
            (folder / f"de-en.{end}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        write_translations(folder / "de-en.parquet", rows, {"pair": "de-en"})
        command("score", folder, "--pairs", "de-en", "--output", tmp_path / "scores" / name).ok()
    return tmp_path


def test_the_lines_that_differ_most_come_first_and_equal_ones_not_at_all(results):
    systems = {name: ["de-en"] for name in HYPOTHESES}
    (section,) = sections(results, systems, ("ns", "baseline"), ["bleu", "chrf++"], 5)
    assert section["pair"] == "de-en"
    assert [line["source"] for line in section["lines"]] == ["source 1", "source 2"]
    first = section["lines"][0]
    assert [one["system"] for one in first["hypotheses"]] == ["baseline", "ns", "dense"]
    assert first["hypotheses"][0]["parts"] == [("no word here at all", False)]
    assert first["hypotheses"][1]["parts"] == [("a dog ran", True)]
    (section,) = sections(results, systems, ("ns", "baseline"), ["bleu", "chrf++"], 1)
    assert len(section["lines"]) == 1


def test_systems_without_a_direction_are_left_out(results):
    systems = {"baseline": ["de-en"], "ns": ["de-en"], "dense": []}
    (section,) = sections(results, systems, ("ns", "baseline"), ["chrf++"], 1)
    assert [one["system"] for one in section["lines"][0]["hypotheses"]] == ["baseline", "ns"]
    assert sections(results, systems, ("dense", "baseline"), ["chrf++"], 1) == []


def test_the_report_shows_them_as_text(results, command, tmp_path):
    frame = {"test_set": "test", "metric": "BLEU", "text": "raw", "pair": "de-en", "score": 1.0, "signature": "s"}
    tables = tmp_path / "tables"
    tables.mkdir()
    pd.DataFrame([frame | {"system": name} for name in HYPOTHESES]).to_csv(tables / "directions.csv", index=False)
    summary = frame | {"tier": "All", "M2O": 1.0, "directions": 1}
    pd.DataFrame([summary | {"system": name} for name in HYPOTHESES]).to_csv(tables / "summary.csv", index=False)
    rows = json.dumps({name: ["de-en"] for name in HYPOTHESES})
    command(
        *("report", tables, "--config", json.dumps({"run": "x"}), "--benchmarks", tmp_path / "none"),
        *("--results", results, "--translations", rows, "--compared", "ns", "baseline", "--metrics", "chrf++"),
        *("--lines", 2, "--output", tmp_path / "report.html"),
    ).ok()
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<mark>no word here at all</mark>" in text
    assert "it is &lt;b&gt;cold&lt;/b&gt; <mark>now</mark>" in text
    assert str(ROOT) not in text


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_nothing_of_a_hypothesis_is_lost(hypothesis, reference):
    parts = marked(" ".join(hypothesis), " ".join(reference))
    assert " ".join(text for text, _ in parts).split() == hypothesis
    known = [word for text, same in parts if same for word in text.split()]
    left = iter(reference)
    assert all(word in left for word in known), "what is not marked stands in the reference in this order"
