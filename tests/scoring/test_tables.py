"""Tables: plain means over languages, differences, replicates, and what a reader sees."""

import csv
import json

import pandas as pd
import pytest

from workflow_scripts.errors import UserError
from workflow_scripts.languages import Language
from workflow_scripts.scoring import markdown, outcomes, tables
from workflow_scripts.scoring.names import called

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


def rows(scores=SCORES, metric="BLEU", text="raw", test_set="test"):
    return [
        {"test_set": test_set, "system": system, "pair": pair, "metric": metric, "text": text, "score": float(value)}
        | {"signature": "s", "unknown_references": 0}
        for system, pairs in scores.items()
        for pair, value in pairs.items()
    ]


def page(summary, wins=None, repaired=None):
    tables = (pd.DataFrame() if table is None else table for table in (wins, repaired))
    return markdown.page("run", "baseline", summary, *tables)


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
    assert "over different directions (baseline 6, ns 1)" in page(summary)


def test_a_run_without_the_system_to_compare_with_has_no_differences():
    summary = tables.summary(tables.directions(rows({"ns": SCORES["ns"]})), LANGUAGES, "en", "baseline")
    assert summary[[column for column in summary if column.endswith("_difference")]].isna().all(axis=None)
    assert "− baseline" not in page(summary)


def test_every_test_set_has_its_means_the_default_one_first():
    further = {"baseline": {"en-nl": 1, "nl-en": 3}, "ns": {"en-nl": 5, "nl-en": 3, "nl-de": 7}}
    frame = tables.directions(rows(further, test_set="news") + rows())
    summary = tables.summary(frame, LANGUAGES, "en", "baseline")
    assert list(summary.columns)[:5] == ["test_set", "metric", "text", "system", "tier"]
    alone = tables.summary(tables.directions(rows()), LANGUAGES, "en", "baseline")
    same = summary[summary["test_set"] == "test"][alone.columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, alone)
    news = summary[summary["test_set"] == "news"]
    assert cell(news, "ns", "All", "O2M_difference") == 4
    assert cell(news, "ns", "All", "X2Y") == 7
    text = page(summary)
    assert text.index("# run: means over languages\n") < text.index("# run: means over languages, news\n")


def test_published_scores_are_those_of_the_default_test_set():
    known = pd.DataFrame([{"system": "ns", "pair": "en-nl", "metric": "BLEU", "score": 11.1}])
    frame = tables.directions(rows(text="published") + rows(text="published", test_set="news"), known)
    assert frame[frame["published"].notna()]["test_set"].tolist() == ["test"]


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
    assert "± ns (3 seeds)" in page(summary)


def test_published_scores_stand_beside_the_published_variant():
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
    changed = tables.repaired(tables.directions(both)).set_index("pair")
    assert changed.loc["en-nl", "difference"] == 0
    assert changed.loc["en-de", "difference"] == -13.5
    text = markdown.repairs(changed.reset_index())
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


@pytest.fixture
def results(tmp_path):
    """A run's folder with scores on two test sets, tests, and what lies around from other configurations."""
    languages = tmp_path / "languages.tsv"
    header = "code\tname\tfamily\tscript\ttier\n"
    lines = ["\t".join((one.code, one.name, one.family, one.script, one.tier)) for one in LANGUAGES.values()]
    languages.write_text(header + "\n".join(lines) + "\n")
    for system in ("baseline", "ns", "gone"):
        for pair, value in SCORES.get(system, SCORES["ns"]).items():
            for place, more in (("", 0), ("news/", 1), ("old/", 2)):
                entry = {"name": "chrF2++", "text": "raw", "score": value + more, "signature": "sig"}
                written(tmp_path / f"scores/{system}/{place}{pair}.json", [entry | {"unknown_references": []}])
    comet = {"name": "COMET", "text": "raw", "score": 0.8374, "signature": "model:x"}
    for system in ("baseline", "ns"):
        written(tmp_path / f"scores/{system}/en-nl.comet.json", [comet])
    for system, against in (("ns", "baseline"), ("gone", "baseline"), ("baseline", "ns")):
        test = of_contrast(system, against)
        written(tmp_path / f"significance/{against}/{system}/en-nl.json", test)
        means = [entry | {"tier": "All", "type": "O2M"} for entry in test["results"]]
        written(tmp_path / f"significance/{against}/{system}/means.json", test | {"results": means})
    return tmp_path


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def of_contrast(system, against):
    entry = {"name": "chrF2++", "text": "raw", "test": "randomization", "samples": 9, "seed": 1, "score": 11.0}
    entry |= {"against_score": 10.0, "difference": 1.0, "p": 0.01, "low": None, "high": None}
    interval = entry | {"test": "bootstrap", "p": None, "low": 0.5, "high": 1.5}
    return {"system": system, "against": against, "pair": "en-nl", "results": [interval, entry]}


def collect(command, results, rows, *options, tested=None):
    return command(
        *("tables", "--results", results, "--rows", json.dumps(rows), "--tested", json.dumps(tested or {})),
        *("--languages", results / "languages.tsv", "--against", "baseline"),
        *("--run", "trial", "--output", results / "tables", *options),
    )


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


ALL = {system: list(pairs) for system, pairs in SCORES.items()}


def test_the_command_collects_scores(command, results):
    result = collect(command, results, {"test": ALL, "news": {"ns": ["en-nl"]}}).ok()
    found = read(results / "tables/directions.csv")
    columns = ["test_set", "system", "pair", "metric", "text", "score", "signature"]
    assert list(found[0])[:7] == columns
    assert {row["metric"] for row in found} == {"chrF++"}, "COMET's scores lie around, and were not asked for"
    assert [row["score"] for row in found if row["test_set"] == "news"] == ["12"]
    assert {(row["system"], row["test_set"]) for row in found} == {("baseline", "test"), ("ns", "test"), ("ns", "news")}
    assert (results / "tables/summary.md").read_text() in result.out
    assert "test_set" in read(results / "tables/summary.csv")[0]


def test_comet_is_read_where_it_is_asked_for(command, results):
    asked = ("--metrics", "bleu", "comet")
    collect(command, results, {"test": {"ns": ["en-nl"], "baseline": ["en-nl"]}}, *asked).ok()
    assert {row["metric"] for row in read(results / "tables/directions.csv")} == {"chrF++", "COMET"}
    missing = collect(command, results, {"test": {"ns": ["en-de"]}}, *asked)
    assert missing.code == 2
    assert "en-de.comet.json does not exist" in missing.err


def test_a_missing_score_is_named(command, results):
    missing = collect(command, results, {"test": {"ns": ["en-fr"]}})
    assert missing.code == 2
    assert "scores/ns/en-fr.json does not exist: score ns en-fr first" in missing.err
    missing = collect(command, results, {"flores": {"ns": ["en-nl"]}})
    assert "scores/ns/flores/en-nl.json does not exist" in missing.err


def test_tests_of_other_contrasts_are_not_in_the_tables(command, results):
    contrast = {"baseline": {"test": {"ns": ["en-nl"]}}}
    collect(command, results, {"test": ALL}, tested=contrast).ok()
    expected = {
        name: (results / f"tables/{name}").read_bytes() for name in ("significance.csv", "wins.csv", "summary.md")
    }
    found = [
        tuple(row[name] for name in ("system", "against", "test", "low", "p_holm", "outcome"))
        for row in read(results / "tables/significance.csv")
    ]
    assert found == [
        ("ns", "baseline", "bootstrap", "0.5000", "", ""),
        ("ns", "baseline", "randomization", "", "0.0100", "win"),
    ]
    assert read(results / "tables/wins.csv") == [
        {"test_set": "test", "metric": "chrF++", "text": "raw", "system": "ns", "against": "baseline"}
        | {"test": "randomization", "wins": "1", "ties": "0", "losses": "0"}
    ]
    # There and back.
    collect(command, results, {"test": ALL}, tested={"ns": {"test": {"baseline": ["en-nl"]}}}).ok()
    assert [row["system"] for row in read(results / "tables/significance.csv")] == ["baseline"] * 2
    assert "worse than ns" in (results / "tables/summary.md").read_text()
    collect(command, results, {"test": ALL}, tested=contrast).ok()
    assert {name: (results / f"tables/{name}").read_bytes() for name in expected} == expected


def test_tables_of_tests_go_where_nothing_is_tested(command, results):
    collect(command, results, {"test": ALL}, tested={"baseline": {"test": {"ns": ["en-nl"]}}}).ok()
    collect(command, results, {"test": ALL}).ok()
    left = {"checks.csv", "directions.csv", "summary.csv", "summary.md", "summary.tex"}
    assert {path.name for path in (results / "tables").iterdir()} == left


def test_a_test_that_is_not_of_its_place_is_refused(command, results):
    written(results / "significance/baseline/ns/en-nl.json", of_contrast("ns", "dense"))
    result = collect(command, results, {"test": ALL}, tested={"baseline": {"test": {"ns": ["en-nl"]}}})
    assert result.code == 2
    assert "significance/baseline/ns/en-nl.json is of {'against': 'dense'" in result.err
    missing = collect(command, results, {"test": ALL}, tested={"baseline": {"test": {"ns": ["en-de"]}}})
    assert "baseline/ns/en-de.json does not exist: test ns en-de against baseline first" in missing.err


def test_tables_of_another_version_are_refused(tmp_path):
    (tmp_path / "summary.csv").write_text("metric,text,system,tier\n")
    with pytest.raises(UserError, match=r"summary.csv is of another version"):
        tables.read(tmp_path / "summary.csv")


@pytest.mark.parametrize(
    ("p", "difference", "expected"),
    [(0.049, 1.0, "win"), (0.049, -1.0, "loss"), (0.05, 1.0, "tie"), (0.2, -3.0, "tie"), (0.01, 0.0, "tie")],
)
def test_outcome(p, difference, expected):
    assert outcomes.outcome({"p": p, "difference": difference}, called("BLEU")) == expected
    assert outcomes.outcome({"p": p, "difference": -difference}, called("TER")) == expected


def test_outcomes_are_counted():
    common = {"test_set": "test", "metric": "BLEU", "text": "raw", "system": "ns", "against": "baseline"}
    common |= {"test": "randomization"}
    rows = [common | {"outcome": value} for value in ("win", "tie", "win")]
    table = pd.DataFrame([*rows, common | {"test": "bootstrap", "outcome": ""}])
    assert outcomes.outcomes(table).to_dict("records") == [common | {"wins": 2, "ties": 1, "losses": 0}]


def test_outcomes_are_corrected_for_the_number_of_directions():
    """0.03 alone is a win, and none of three; the bootstrap has no say."""
    common = {"test_set": "test", "against": "baseline", "system": "ns", "metric": "BLEU", "text": "raw"}
    p = {"en-nl": 0.03, "nl-en": 0.001, "en-de": 0.04}
    tests = [common | {"pair": pair, "test": "randomization", "p": p[pair], "difference": 1.0} for pair in p]
    tests += [common | {"pair": pair, "test": "bootstrap", "p": None, "difference": 1.0} for pair in p]
    alone = common | {"metric": "TER", "pair": "en-nl", "test": "randomization", "p": 0.03, "difference": 1.0}
    found = outcomes.corrected([*tests, alone], outcomes.FAMILY)
    assert [row["p_holm"] for row in found[:3]] == pytest.approx([0.06, 0.003, 0.06])
    assert [row["outcome"] for row in found] == ["tie", "win", "tie", "", "", "", "loss"]


def test_every_contrast_has_its_differences():
    scores = SCORES | {"dense": {pair: score + 1 for pair, score in SCORES["baseline"].items()}}
    summary = tables.summary(tables.directions(rows(scores)), LANGUAGES, "en", ["baseline", "dense"])
    alone = tables.summary(tables.directions(rows(scores)), LANGUAGES, "en", "baseline")
    pd.testing.assert_frame_equal(summary[alone.columns], alone)
    assert cell(summary, "ns", "High", "O2M_difference") == 2
    assert cell(summary, "ns", "High", "O2M_difference_to_dense") == 1
    assert cell(summary, "baseline", "All", "Avg_difference_to_dense") == -1
    assert pd.isna(cell(summary, "dense", "All", "Avg_difference_to_dense"))
    lines = markdown.page("run", ["baseline", "dense"], summary, pd.DataFrame(), pd.DataFrame()).splitlines()
    labels = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert labels[2:] == ["baseline", "− dense", "ns", "− baseline", "− dense", "dense", "− baseline"]
