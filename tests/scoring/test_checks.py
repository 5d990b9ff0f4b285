"""What a score alone hides is said: how long hypotheses are, and where metrics disagree."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from tests.scoring.test_tables import rows
from workflow_scripts.scoring import checks, tables
from workflow_scripts.scoring.metrics import METRICS

WORDS = st.lists(st.sampled_from(["een", "kat", "hond", "zit", "mat."]), max_size=7).map(" ".join)


def frame(scores, **measures):
    """A table of directions; `measures` give, by system and pair, columns of the rows of BLEU."""
    made = [row for metric, found in scores.items() for row in rows(found, metric)]
    for row in made:
        for name, values in measures.items():
            known = values.get(row["system"], {}).get(row["pair"])
            row[name] = known if row["metric"] == "BLEU" else None
    return tables.directions(made)


def shown(directions, *against):
    return checks.sections(directions, checks.means(directions, "en"), against)


@given(st.lists(st.tuples(WORDS, WORDS.filter(bool)), min_size=1, max_size=5))
def test_lengths_are_sacrebleus(texts):
    hypotheses, references = map(list, zip(*texts, strict=True))
    scorer = METRICS["bleu"].scorer("nl", {"default": "13a"})
    entry = scorer.entry(scorer.statistics(hypotheses, references).sum(axis=0).tolist())
    expected = BLEU(force=True).corpus_score(hypotheses, [references])
    assert entry["brevity_penalty"] == expected.bp
    assert entry["length_ratio"] == expected.ratio == expected.sys_len / expected.ref_len


LENGTHS = {"ns": {"en-nl": 1.02, "en-de": 1.06, "nl-en": 0.9}, "baseline": {"en-nl": 1.0, "en-de": 1.0, "nl-en": 1.0}}
SAME = {system: dict.fromkeys(pairs, 20.0) for system, pairs in LENGTHS.items()}


def test_means_of_lengths_by_hand():
    directions = frame({"BLEU": SAME, "chrF++": SAME}, length_ratio=LENGTHS)
    table = checks.means(directions, "en").set_index(["measure", "metric", "system"])
    row = table.loc["length_ratio", "BLEU", "ns"]
    assert row[["O2M", "M2O", "directions"]].tolist() == [pytest.approx(1.04), 0.9, 3]
    assert "X2Y" not in table
    (section,) = shown(directions, "baseline")
    assert section.header == ["system", "length O2M", "M2O"]
    assert section.rows == [["ns", "1.040", "0.900"], ["baseline", "1.000", "1.000"]]
    assert section.remarks == []


def test_nothing_to_say_says_nothing():
    directions = frame({"BLEU": SAME})
    assert checks.means(directions, "en").empty
    assert shown(directions, "baseline") == []
    assert checks.markdown([]) == ""


def test_every_test_set_has_a_section_and_the_last_variant_counts():
    made = [
        row | {"length_ratio": ratio}
        for test_set, text, ratio in (("news", "published", 0.5), ("news", "repaired", 0.6), ("test", "published", 0.7))
        for row in rows({"ns": {"en-nl": 3}}, text=text, test_set=test_set)
    ]
    first, second = shown(tables.directions(made))
    assert (first.title, first.rows) == ("What scores hide", [["ns", "0.700"]])
    assert (second.title, second.rows) == ("What scores hide, news", [["ns", "0.600"]])


DIFFERENCES = st.floats(-3, 3, allow_nan=False)


@given(DIFFERENCES, DIFFERENCES)
def test_metrics_disagree_where_the_signs_that_are_shown_differ(bleu, chrf):
    directions = frame(
        {
            "BLEU": {"baseline": {"en-nl": 30.0}, "ns": {"en-nl": 30.0 + bleu}},
            "chrF++": {"baseline": {"en-nl": 50.0}, "ns": {"en-nl": 50.0 + chrf}},
        }
    )
    # What is left of a difference once it has been added to a score.
    left = (30.0 + bleu - 30.0, 50.0 + chrf - 50.0)
    signs = {f"{difference:+.1f}"[0] for difference in left if f"{abs(difference):.1f}" != "0.0"}
    both = all(f"{abs(difference):.1f}" != "0.0" for difference in left)
    assert bool(list(checks.disagreements(directions, "baseline"))) == (both and signs == {"+", "-"})


def test_a_disagreement_names_direction_differences_and_lengths():
    directions = frame(
        {
            "BLEU": {"baseline": {"en-nl": 20.0, "en-de": 20.0}, "ns": {"en-nl": 19.2, "en-de": 21.0}},
            "chrF++": {"baseline": {"en-nl": 40.0, "en-de": 40.0}, "ns": {"en-nl": 40.5, "en-de": 41.0}},
        },
        length_ratio=LENGTHS,
    )
    (remark,) = checks.disagreements(directions, "baseline")
    expected = "en-nl (-0.8 BLEU, +0.5 chrF++, length 1.020 after 1.000)"
    assert remark == f"BLEU and chrF++ disagree on ns against baseline: {expected}."
    assert list(checks.disagreements(directions, "dense")) == []
    assert list(checks.disagreements(directions[directions["metric"] == "BLEU"], "baseline")) == []


def test_many_disagreements_are_counted():
    pairs = [f"en-x{number}" for number in range(9)]
    directions = frame(
        {
            "BLEU": {"baseline": dict.fromkeys(pairs, 20), "ns": dict.fromkeys(pairs, 21)},
            "chrF++": {"baseline": dict.fromkeys(pairs, 40), "ns": dict.fromkeys(pairs, 39)},
        }
    )
    (remark,) = checks.disagreements(directions, "baseline")
    assert remark.count("BLEU,") == checks.MOST
    assert remark.endswith("and 3 more.")


def test_the_commands_show_them(command, tmp_path):
    (tmp_path / "languages.tsv").write_text("code\tname\tfamily\tscript\ttier\nen\tE\tG\tL\t\nnl\tN\tG\tL\thigh\n")
    for system, hypotheses in (("baseline", ["een kat zit", "de hond"]), ("ns", ["een kat zit op de mat", "de hond"])):
        folder = tmp_path / "translations" / system
        folder.mkdir(parents=True)
        for role, lines in (("hyp", hypotheses), ("ref", ["een kat zit nu", "de hond"])):
            (folder / f"en-nl.{role}.txt").write_text("".join(f"{line}\n" for line in lines))
        command("score", folder, "--pairs", "en-nl", "--output", tmp_path / "scores" / system).ok()
    command(
        *("tables", "--results", tmp_path, "--languages", tmp_path / "languages.tsv", "--against", "baseline"),
        *("--rows", json.dumps({"test": {"baseline": ["en-nl"], "ns": ["en-nl"]}}), "--run", "trial"),
        *("--output", tmp_path / "tables"),
    ).ok()
    directions = pd.read_csv(tmp_path / "tables/directions.csv").set_index(["system", "metric"])
    assert directions.loc[("ns", "BLEU"), "length_ratio"] == pytest.approx(8 / 6, abs=1e-4)
    assert directions.loc[("ns", "BLEU"), "brevity_penalty"] == 1
    assert directions.loc[("baseline", "BLEU"), "brevity_penalty"] == pytest.approx(0.8187, abs=1e-4)
    assert list(directions.columns)[-3:] == ["brevity_penalty", "ceiling", "out_of_reach"]
    text = (tmp_path / "tables/summary.md").read_text()
    assert "## What scores hide" in text
    assert re.search(r"\| ns +\| +1.333 \| +1.000 \|", text)
    assert "Length: tokens" in text
    command(
        *("report", tmp_path / "tables", "--config", '{"run": "trial"}', "--against", "baseline"),
        *("--benchmarks", tmp_path / "none", "--output", tmp_path / "report.html"),
    ).ok()
    page = (tmp_path / "report.html").read_text()
    assert "<td>ns</td><td>1.333</td><td>1.000</td>" in page
