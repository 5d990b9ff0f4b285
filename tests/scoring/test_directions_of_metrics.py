"""Metrics of which less is better, and names of metrics that nobody knows, in whatever reads scores."""

from __future__ import annotations

import json

import matplotlib.colors
import pandas as pd
import pytest

from tests.reporting.test_analysis import LANGUAGES as FAMILIES
from tests.reporting.test_figures import score_tables, texts
from tests.reporting.test_report import make, run_folder  # noqa: F401 (a fixture)
from workflow_scripts.errors import UserError
from workflow_scripts.reporting import score_figures
from workflow_scripts.scoring import comparison, markdown, tables
from workflow_scripts.scoring.names import called

from .test_tables import ALL, LANGUAGES, SCORES, cell, collect, read, results, rows, written  # noqa: F401 (a fixture)

KNOWN = r"there are BLEU, chrF\+\+, spBLEU, TER, COMET"


@pytest.mark.parametrize(("name", "better"), [("BLEU", 1.5), ("COMET", 0.1), ("TER", -1.5)])
def test_a_gain_is_above_zero_where_a_score_is_better(name, better):
    assert called(name).gain(better) > 0 > called(name).gain(-better)


def test_a_lower_ter_wins_in_the_tables(command, results):  # noqa: F811
    for path in [*results.glob("scores/*/*.json"), *results.glob("significance/baseline/ns/*.json")]:
        path.write_text(path.read_text().replace("chrF2++", "TER"))
    contrast = {"baseline": {"test": {"ns": ["en-nl"]}}}
    options = ("--metrics", "ter", "--replicates", json.dumps({"both": ["ns", "baseline"]}))
    collect(command, results, {"test": ALL}, *options, tested=contrast).ok()
    wins = read(results / "tables/wins.csv")
    assert [(row["metric"], row["wins"], row["losses"]) for row in wins] == [("TER", "0", "1")], "a TER that rose"
    assert "## TER, lower is better (text as it is)" in (results / "tables/summary.md").read_text()
    summary = pd.read_csv(results / "tables/summary.csv")
    assert cell(summary, "ns", "All", "Avg_difference", "TER") == 1, "differences are what they are"
    ours, theirs = (cell(summary, name, "All", "Avg", "TER") for name in ("ns", "baseline"))
    assert cell(summary, "both", "All", "Avg", "TER") == pytest.approx((ours + theirs) / 2)
    assert cell(summary, "both", "All", "Avg_sd", "TER") == pytest.approx(abs(ours - theirs) / 2**0.5, abs=1e-4)


@pytest.mark.parametrize(("metric", "better"), [("BLEU", "up"), ("TER", "down")])
def test_the_report_marks_what_is_better(command, run_folder, metric, better):  # noqa: F811
    directions = tables.directions(rows(metric=metric))
    directions.to_csv(run_folder / "tables/directions.csv", index=False)
    tables.summary(directions, LANGUAGES, "en", "baseline").to_csv(run_folder / "tables/summary.csv", index=False)
    text = make(command, run_folder, "--against", "baseline")
    assert f'<span class="delta {better}">+2.0</span>' in text
    worse = {"up": "down", "down": "up"}[better]
    assert f'<span class="delta {worse}">−1.0</span>' in text
    assert ("TER, lower is better, text as it is" in text) == (metric == "TER")


@pytest.mark.parametrize("metric", ["BLEU", "TER"])
@pytest.mark.parametrize("draw", [score_figures.by_tier, score_figures.by_language])
def test_figures_shade_the_better_side(metric, draw):
    scores, tests = (frame.assign(metric=metric) for frame in score_tables())
    table = score_figures.differences(scores, tests, FAMILIES, "en", "baseline")
    figure = draw(table, FAMILIES, metric, "raw", "en", "baseline")
    color = matplotlib.colors.to_rgba(score_figures.BETTER)
    for axis in figure.axes:
        (span,) = (patch for patch in axis.patches if patch.get_facecolor() == color)
        box = span.get_bbox()
        low, high = (box.y0, box.y1) if draw is score_figures.by_tier else (box.x0, box.x1)
        assert (low, high > 0) == (0, True) if metric == "BLEU" else (low < 0, high) == (True, 0)
    said = texts(figure).replace("\n", " ")
    assert ("difference in TER (edits per 100 words, lower is better)" in said) == (metric == "TER")
    assert "better" in said


@pytest.mark.parametrize("draw", [score_figures.by_tier, score_figures.by_language])
def test_labels_of_axes_lie_within_the_figure_and_apart_from_its_title(draw):
    scores, tests = (frame.assign(metric="TER") for frame in score_tables())
    table = score_figures.differences(scores, tests, FAMILIES, "en", "baseline")
    figure = draw(table, FAMILIES, "TER", "raw", "en", "baseline")
    figure.draw_without_rendering()
    labels = [label for axis in figure.axes for label in (axis.xaxis.label, axis.yaxis.label) if label.get_text()]
    (head,) = (text for text in figure.texts if text.get_text() == figure.get_suptitle())
    for box in (label.get_window_extent() for label in labels):
        assert figure.bbox.x0 <= box.x0
        assert figure.bbox.y0 <= box.y0
        assert box.x1 <= figure.bbox.x1
        assert not box.overlaps(head.get_window_extent())


def test_two_runs_are_compared_from_the_worst_change_to_the_best():
    better = {"baseline": SCORES["baseline"], "ns": {pair: score + 2 for pair, score in SCORES["ns"].items()}}
    better["ns"]["en-es"] -= 10
    for metric, first in (("BLEU", "-8.0"), ("TER", "+2.0")):
        frames = [tables.directions(rows(scores, metric=metric)) for scores in (SCORES, better)]
        summaries = [tables.summary(frame, LANGUAGES, "en", "baseline") for frame in frames]
        text = comparison.text(*summaries, comparison.paired(*frames), ("one", "two"))
        section = text[text.index("## Directions: ") :]
        assert section.startswith(f"## Directions: {called(metric).heading} (raw)")
        line = section.splitlines()[4]
        assert line.split("|")[-2].strip() == first
    assert "## TER, lower is better (text as it is)" in text


def test_published_scores_of_ter_stand_beside_the_runs():
    known = pd.DataFrame([{"system": "ns", "pair": "en-nl", "metric": "TER", "score": 11.1}])
    frame = tables.directions(rows(metric="TER", text="published") + rows(text="published"), known)
    assert frame[frame["published"].notna()][["metric", "published"]].values.tolist() == [["TER", 11.1]]
    assert list(frame["metric"].unique()) == ["BLEU", "TER"], "in the order of the registry"


def test_an_unknown_metric_is_refused_wherever_it_stands(command, results):  # noqa: F811
    published = pd.DataFrame([{"system": "ns", "pair": "en-nl", "metric": "BLUE", "score": 11.1}])
    with pytest.raises(UserError, match=f"no metric BLUE; {KNOWN}"):
        tables.directions(rows(), published)
    with pytest.raises(UserError, match=f"no metric METEOR; {KNOWN}"):
        markdown.number(1.0, "METEOR")
    entry = {"name": "METEOR", "text": "raw", "score": 1.0, "signature": "s"}
    written(results / "scores/ns/en-nl.json", [entry])
    result = collect(command, results, {"test": {"ns": ["en-nl"]}})
    assert result.code == 2
    assert "there is no metric METEOR" in result.err
