"""Figures: every one is drawn, says what it shows, holds the right numbers, and is the same every time."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.conftest import write_counts
from workflow_scripts.artifacts import write_masks
from workflow_scripts.reporting import analysis, mask_figures, overlaps, score_figures, sweep_figure
from workflow_scripts.reporting.style import save

from .test_analysis import ALONE, LANGUAGES, PAIRS, RELATED, make_masks


@pytest.fixture
def tables(tmp_path):
    return tables_of(tmp_path / "tables-ns", LANGUAGES)


def tables_of(folder, languages):
    sides = analysis.sides(make_masks(), languages, "en")
    overlaps.write(
        folder,
        "ns",
        "specialized neurons, k = 95",
        overlap=analysis.overlap_table(sides, languages),
        families=analysis.family_table(sides, languages),
        sparsity=analysis.sparsity_table(make_masks(), "en"),
        shared=analysis.shared_table(sides, languages),
    )
    return overlaps.read(folder)


@pytest.fixture
def table_of_languages(tmp_path):
    path = tmp_path / "languages.tsv"
    pd.DataFrame([vars(language) for language in LANGUAGES.values()]).to_csv(path, sep="\t", index=False)
    return path


def texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text")))


def test_the_heat_map_plots_iou_itself_with_the_right_labels(tables):
    figure, table = mask_figures.heat_map(tables, LANGUAGES, "en", "decoder")
    axis = figure.axes[0]
    codes = [label.get_text() for label in axis.get_yticklabels()]
    assert codes == [label.get_text() for label in axis.get_xticklabels()] == ["qa", "qe", "xa", "xe"]
    drawn = axis.collections[0].get_array().reshape(4, 4)
    assert axis.get_title(loc="left") == "decoder layer 0"
    for row in table[table["layer"] == 0].itertuples():
        i, j = codes.index(row.language_a), codes.index(row.language_b)
        assert drawn[i, j] == drawn[j, i] == pytest.approx(row.iou, abs=1e-6)
        assert f"{row.iou:.2f}" in texts(figure)
    assert "k = 95" in texts(figure)
    assert "run" not in texts(figure), "a figure in a paper has no run"
    colors = {label.get_text(): label.get_color() for label in axis.get_yticklabels()}
    assert colors["qa"] == colors["qe"] != colors["xa"] == colors["xe"]


def test_the_dendrogram_says_how_well_families_are_recovered(tables):
    figure, table = mask_figures.trees(tables, LANGUAGES, "en")
    assert "adjusted Rand index 1.00" in texts(figure)
    assert table["ari"].tolist() == [1, 1]


def test_shares_of_neurons_add_up_in_every_layer(tables):
    figure, table = mask_figures.shared(tables, LANGUAGES, "en")
    for axis in figure.axes:
        tops = {}
        for bar in axis.patches:
            tops[round(bar.get_x(), 3)] = tops.get(round(bar.get_x(), 3), 0) + bar.get_height()
        assert list(tops.values()) == pytest.approx([100, 100])
    assert "Q alone" in texts(figure)
    assert set(table["group"]) == set(overlaps.GROUPS)


def test_sparsity_and_overlap_by_layer_have_every_layer_and_type(tables):
    figure, sparsity = mask_figures.sparsity(tables, LANGUAGES, "en")
    assert len(sparsity) == len(PAIRS) * 2 * 2
    assert [list(axis.get_xticks()) for axis in figure.axes] == [[0, 1]] * 2
    figure, overlap = mask_figures.by_layer(tables, LANGUAGES, "en")
    assert set(zip(overlap["component"], overlap["type"], strict=True)) == {("encoder", "M2O"), ("decoder", "O2M")}
    assert "mean within families" in texts(figure)
    assert [list(axis.get_xticks()) for axis in figure.axes] == [[0, 1]] * 2


@pytest.mark.parametrize(("languages", "absent"), [(ALONE, "mean within"), (RELATED, "mean across")])
def test_figures_say_why_families_are_not_compared(languages, absent, tmp_path):
    tables = tables_of(tmp_path, languages)
    by_layer, _ = mask_figures.by_layer(tables, languages, "en")
    trees, _ = mask_figures.trees(tables, languages, "en")
    for figure in (by_layer, trees):
        assert "of one family" in texts(figure)
        assert "nan" not in texts(figure)
    assert absent not in texts(by_layer), "no entry in the legend without a line"
    assert "not defined" in texts(trees)
    assert "adjusted Rand index" not in texts(trees)


def score_tables():
    scores = [
        {
            "test_set": "test",
            "system": system,
            "pair": pair,
            "metric": "BLEU",
            "text": "raw",
            "score": 20.0 + add * place,
        }
        for system, add in (("baseline", 0), ("ns", 1))
        for place, pair in enumerate(PAIRS)
    ]
    tests = [
        {"test_set": "test", "system": "ns", "pair": pair, "metric": "BLEU", "text": "raw", "against": "baseline"}
        | {"outcome": "win" if place > 2 else "tie"}
        for place, pair in enumerate(PAIRS)
    ]
    return pd.DataFrame(scores), pd.DataFrame(tests)


def test_score_differences():
    scores, tests = score_tables()
    table = score_figures.differences(scores, tests, LANGUAGES, "en", "baseline")
    assert table["difference"].tolist() == list(range(8))
    assert table["outcome"].tolist() == ["tie"] * 3 + ["win"] * 5
    assert table["family"].tolist() == ["Q", "Q", "X", "X"] * 2
    assert set(score_figures.differences(scores, pd.DataFrame(), LANGUAGES, "en", "baseline")["outcome"]) == {""}


def test_other_test_sets_and_contrasts_are_not_drawn():
    scores, tests = score_tables()
    more = pd.concat([scores, scores.assign(test_set="news", score=0.0)])
    others = pd.concat([tests.assign(against="dense", outcome="loss"), tests.assign(test_set="news"), tests])
    expected = score_figures.differences(scores, tests, LANGUAGES, "en", "baseline")
    found = score_figures.differences(more, others, LANGUAGES, "en", "baseline")
    pd.testing.assert_frame_equal(found, expected)


def test_figures_are_the_same_bytes_every_time(tables, tmp_path):
    for attempt in ("one", "two"):
        save(tmp_path / attempt, *mask_figures.heat_map(tables, LANGUAGES, "en", "encoder"))
    for ending in ("svg", "pdf", "csv"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    assert not re.search(rb"dc:date|20\d\d-\d\d-\d\d", (tmp_path / "one.svg").read_bytes())


def test_scores_by_k_are_a_line_of_what_differs_in_k_alone():
    scores = pd.DataFrame(
        [
            {"test_set": "test", "metric": "BLEU", "text": "raw", "system": system, "pair": pair, "score": score}
            for system, value in (("ns-k80", 10), ("ns-k95", 12), ("ns-k99", 11), ("dense", 13))
            for pair, score in (("en-qa", value), ("en-qe", value + 2), ("qa-en", 2 * value))
        ]
    )
    # A direction that one system lacks is in no mean.
    scores = scores[(scores["system"] != "dense") | (scores["pair"] != "en-qe")]
    rows = sweep_figure.means(scores, LANGUAGES, "en", "BLEU")
    swept = {"ns": {"80": "ns-k80", "95": "ns-k95", "99": "ns-k99"}}
    figure, table = sweep_figure.by_k(rows, swept, "BLEU", "en")
    left, right = figure.axes
    line, level = left.get_lines()
    assert [list(line.get_xdata()), list(line.get_ydata())] == [[80, 95, 99], [10, 12, 11]]
    assert set(level.get_ydata()) == {13}
    assert list(right.get_lines()[0].get_ydata()) == [20, 24, 22]
    assert list(table.columns) == ["line", "k", "system", "type", "score"]
    assert len(table) == 8


def written(folder, name):
    return {path.name for path in folder.glob(f"{name}*")} == {f"{name}.{ending}" for ending in ("svg", "pdf", "csv")}


def test_the_commands_draw_everything(command, table_of_languages, tmp_path):
    write_masks(tmp_path / "ns.parquet", make_masks(), {"select": "cumulative"})
    options = ("--name", "ns", "--languages", table_of_languages, "--output", tmp_path / "overlap-ns")
    command("overlap", "--masks", tmp_path / "ns.parquet", *options).ok()
    common = ("--languages", table_of_languages, "--output", tmp_path / "figures")
    command("figures_masks", tmp_path / "overlap-ns", *common).ok()
    for name in (
        "overlap-ns-encoder",
        "overlap-ns-decoder",
        "overlap-by-layer-ns",
        "sparsity-ns",
        "languages-ns",
        "shared-ns",
    ):
        assert written(tmp_path / "figures", name), name
    scores, tests = score_tables()
    (tmp_path / "tables").mkdir()
    scores.to_csv(tmp_path / "tables/directions.csv", index=False)
    tests.to_csv(tmp_path / "tables/significance.csv", index=False)
    options = ("--against", "baseline", "--metrics", "BLEU")
    swept = json.dumps({"ns": {"80": "baseline", "95": "ns"}})
    command("figures_scores", tmp_path / "tables", *options, "--swept", swept, *common).ok()
    assert written(tmp_path / "figures", "scores-by-k-BLEU")
    assert written(tmp_path / "figures", "scores-by-tier-BLEU")
    assert written(tmp_path / "figures", "scores-by-language-BLEU")
    curve = tmp_path / "training.csv"
    curve.write_text("update,split,loss\n10,train,9.5\n20,train,8.1\n20,valid,8.2\n")
    command("figures_training", f"baseline={curve}", f"ns={curve}", "--output", tmp_path / "figures").ok()
    assert written(tmp_path / "figures", "training")
    assert len(pd.read_csv(tmp_path / "figures/training.csv")) == 6


def test_one_component_and_another_threshold_are_drawn(command, table_of_languages, tmp_path):
    paths = []
    for place, pair in enumerate(PAIRS):
        counts = np.random.default_rng(place).integers(1, 100, 40)
        paths.append(tmp_path / f"{pair}.parquet")
        write_counts(paths[-1], {("encoder", 0): counts}, {"pair": pair})
    common = ("--languages", table_of_languages, "--output", tmp_path / "figures")
    options = ("--name", "k70", "--languages", table_of_languages, "--output", tmp_path / "overlap-k70")
    command("overlap", "--activations", *paths, "--k", 70, *options).ok()
    command("figures_masks", tmp_path / "overlap-k70", *common).ok()
    assert written(tmp_path / "figures", "overlap-k70-encoder")
    assert written(tmp_path / "figures", "sparsity-k70")
    assert not (tmp_path / "figures/overlap-k70-decoder.svg").exists()
