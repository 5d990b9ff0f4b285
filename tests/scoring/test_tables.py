"""Tables: plain means over languages, differences, replicates, and what a reader sees."""

import csv
import json

import pandas as pd
import pytest

from workflow_scripts.languages import Language
from workflow_scripts.scoring import markdown, tables

LANGUAGES = {
    code: Language(code, code.upper(), family, "Latin", tier)
    for code, family, tier in (
        ("en", "Germanic", ""),
        ("nl", "Germanic", "high"),
        ("de", "Germanic", "high"),
        ("es", "Romance", "low"),
    )
}
SCORES = {
    "baseline": {"en-nl": 10, "en-de": 20, "en-es": 40, "nl-en": 12, "de-en": 22, "es-en": 41},
    "ns": {"en-nl": 11, "en-de": 23, "en-es": 39, "nl-en": 12, "de-en": 24, "es-en": 42},
}


def rows(scores=SCORES, metric="BLEU", text="raw"):
    return [
        {"system": system, "pair": pair, "metric": metric, "text": text, "score": float(value), "signature": "s"}
        | {"unknown_references": 0}
        for system, pairs in scores.items()
        for pair, value in pairs.items()
    ]


def cell(summary, system, tier, column, metric="BLEU"):
    chosen = summary.query("system == @system and tier == @tier and metric == @metric")
    assert len(chosen) == 1
    return chosen[column].item()


def test_means_and_differences_by_hand():
    summary = tables.summary(tables.directions(rows()), LANGUAGES, "en", "baseline")
    assert cell(summary, "baseline", "High", "O2M") == 15
    assert cell(summary, "baseline", "Low", "M2O") == 41
    assert cell(summary, "baseline", "All", "O2M") == pytest.approx(70 / 3)
    assert cell(summary, "baseline", "All", "Avg") == pytest.approx((70 / 3 + 75 / 3) / 2)
    assert cell(summary, "ns", "High", "O2M_difference") == 2
    assert cell(summary, "ns", "Low", "O2M_difference") == -1
    assert cell(summary, "ns", "All", "Avg_difference") == pytest.approx((1 + 1) / 2)
    assert pd.isna(cell(summary, "baseline", "All", "Avg_difference"))
    assert list(summary["tier"].unique()) == ["High", "Low", "All"], (
        "in the table's order, tiers without languages absent"
    )


def test_differences_are_taken_over_common_directions():
    scores = {"baseline": SCORES["baseline"], "ns": {"en-nl": 11}}
    summary = tables.summary(tables.directions(rows(scores)), LANGUAGES, "en", "baseline")
    assert cell(summary, "ns", "All", "O2M_difference") == 1
    assert pd.isna(cell(summary, "ns", "All", "M2O"))
    assert pd.isna(cell(summary, "ns", "All", "Avg"))
    assert "over different directions (baseline 6, ns 1)" in markdown.summary(summary, "run", "baseline")


def test_a_run_without_the_system_to_compare_with_has_no_differences():
    summary = tables.summary(tables.directions(rows({"ns": SCORES["ns"]})), LANGUAGES, "en", "baseline")
    assert summary[[column for column in summary if column.endswith("_difference")]].isna().all(axis=None)
    assert "− baseline" not in markdown.summary(summary, "run", "baseline")


def test_zero_shot_directions_are_averaged_apart():
    scores = {"ns": {"en-nl": 10, "nl-en": 20, "nl-es": 3, "es-nl": 5}}
    summary = tables.summary(tables.directions(rows(scores)), LANGUAGES, "en")
    assert cell(summary, "ns", "All", "X2Y") == 4
    assert cell(summary, "ns", "All", "Avg") == 15


def test_replicates_have_mean_and_standard_deviation():
    scores = {f"ns{seed}": {"en-nl": 10 + seed, "nl-en": 20 - seed} for seed in (1, 2, 3)}
    frame = tables.directions(rows(scores | {"baseline": {"en-nl": 10, "nl-en": 18}}))
    summary = tables.summary(frame, LANGUAGES, "en", "baseline", {"ns (3 seeds)": list(scores)})
    assert cell(summary, "ns (3 seeds)", "All", "O2M") == 12
    assert cell(summary, "ns (3 seeds)", "All", "O2M_sd") == 1
    assert cell(summary, "ns (3 seeds)", "All", "Avg_sd") == 0
    assert cell(summary, "ns (3 seeds)", "All", "M2O_difference") == 0
    assert "± ns (3 seeds)" in markdown.summary(summary, "run", "baseline")


def test_published_scores_stand_beside_the_published_reading():
    known = pd.DataFrame([{"system": "ns", "pair": "en-nl", "metric": "BLEU", "score": 11.1}])
    both = rows(text="published") + rows(text="repaired")
    frame = tables.directions(both, known).set_index(["system", "pair", "text"])["published"]
    assert frame["ns", "en-nl", "published"] == 11.1
    assert frame.notna().sum() == 1


def test_what_repairing_changes_is_named():
    repaired = {"ns": {"en-nl": 11, "en-de": 9.5}}
    both = rows({"ns": {"en-nl": 11, "en-de": 23}}, text="published") + rows(repaired, text="repaired")
    for row in both:
        row["unknown_references"] = 7 if row["pair"] == "en-de" else 0
    changed = tables.readings(tables.directions(both)).set_index("pair")
    assert changed.loc["en-nl", "difference"] == 0
    assert changed.loc["en-de", "difference"] == -13.5
    text = markdown.readings(changed.reset_index())
    assert "-13.5" in text
    assert "en-nl" not in text
    assert "en-de 7" in text


@pytest.mark.parametrize(
    ("value", "metric", "signed", "text"),
    [
        (27.449, "BLEU", False, "27.4"),
        (0.8374, "COMET", False, ".837"),
        (-0.0123, "COMET", True, "-.012"),
        (1.04, "BLEU", True, "+1.0"),
        (float("nan"), "BLEU", False, "–"),
    ],
)
def test_numbers_are_printed_as_in_the_paper(value, metric, signed, text):
    assert markdown.number(value, metric, signed) == text


def test_tables_are_aligned():
    lines = markdown.table(["a", "long header"], [["first", "1.0"], ["x", "-10.0"]]).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_the_command_collects_scores(command, tmp_path):
    languages = tmp_path / "languages.tsv"
    header = "code\tname\tfamily\tscript\ttier\n"
    lines = ["\t".join((one.code, one.name, one.family, one.script, one.tier)) for one in LANGUAGES.values()]
    languages.write_text(header + "\n".join(lines) + "\n")
    for system, pairs in SCORES.items():
        for pair, value in pairs.items():
            path = tmp_path / "scores" / system / f"{pair}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            entry = {"name": "chrF2++", "text": "raw", "score": value, "signature": "sig", "unknown_references": []}
            path.write_text(json.dumps([entry]))
    comet = {"name": "COMET", "text": "raw", "score": 0.8374, "signature": "model:x"}
    (tmp_path / "scores/ns/en-nl.comet.json").write_text(json.dumps([comet]))
    systems = json.dumps({system: list(pairs) for system, pairs in SCORES.items()})
    result = command(
        *("tables", tmp_path / "scores", "--systems", systems, "--languages", languages, "--against", "baseline"),
        *("--run", "trial", "--output", tmp_path / "tables"),
    ).ok()
    with (tmp_path / "tables/directions.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0])[:6] == ["system", "pair", "metric", "text", "score", "signature"]
    assert {row["metric"] for row in found} == {"chrF++", "COMET"}
    assert (tmp_path / "tables/summary.md").read_text() in result.out
    missing = command(
        *("tables", tmp_path / "scores", "--systems", json.dumps({"ns": ["en-fr"]}), "--languages", languages),
        *("--run", "trial", "--output", tmp_path / "tables"),
    )
    assert missing.code == 2
    assert "en-fr.json does not exist" in missing.err
