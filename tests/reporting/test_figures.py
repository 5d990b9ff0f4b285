"""Figures: every one is drawn, says what it shows, holds the right numbers, and is the same every time."""

import re

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.artifacts import write_activations, write_masks
from workflow_scripts.reporting import mask_figures, score_figures, selections
from workflow_scripts.reporting.style import save

from .test_analysis import LANGUAGES, PAIRS, make_masks

SELECTION = selections.Selection(make_masks(), "specialized neurons, k = 95")


@pytest.fixture
def table_of_languages(tmp_path):
    path = tmp_path / "languages.tsv"
    pd.DataFrame([vars(language) for language in LANGUAGES.values()]).to_csv(path, sep="\t", index=False)
    return path


def texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text")))


def test_the_heat_map_plots_iou_itself_with_the_right_labels():
    figure, table = mask_figures.heat_map(SELECTION, LANGUAGES, "en", "decoder", "trial")
    axis = figure.axes[0]
    codes = [label.get_text() for label in axis.get_yticklabels()]
    assert codes == [label.get_text() for label in axis.get_xticklabels()] == ["qa", "qe", "xa", "xe"]
    drawn = axis.collections[0].get_array().reshape(4, 4)
    for row in table[table["layer"] == 1].itertuples():
        i, j = codes.index(row.language_a), codes.index(row.language_b)
        assert drawn[i, j] == drawn[j, i] == pytest.approx(row.iou)
    assert "k = 95" in texts(figure)
    assert "run trial" in texts(figure)
    colors = {label.get_text(): label.get_color() for label in axis.get_yticklabels()}
    assert colors["qa"] == colors["qe"] != colors["xa"] == colors["xe"]


def test_the_dendrogram_says_how_well_families_are_recovered():
    figure, table = mask_figures.trees(SELECTION, LANGUAGES, "en", "trial")
    assert "adjusted Rand index 1.00" in texts(figure)
    assert table["ari"].tolist() == [1, 1]


def test_sparsity_and_overlap_by_layer_have_every_layer_and_type():
    _, sparsity = mask_figures.sparsity(SELECTION, "en", "trial")
    assert len(sparsity) == len(PAIRS) * 2 * 2
    figure, overlap = mask_figures.by_layer(SELECTION, LANGUAGES, "en", "trial")
    assert set(zip(overlap["component"], overlap["type"], strict=True)) == {("encoder", "M2O"), ("decoder", "O2M")}
    assert "mean within families" in texts(figure)


def score_tables():
    scores = [
        {"system": system, "pair": pair, "metric": "BLEU", "text": "raw", "score": 20.0 + add * place}
        for system, add in (("baseline", 0), ("ns", 1))
        for place, pair in enumerate(PAIRS)
    ]
    tests = [
        {"system": "ns", "pair": pair, "metric": "BLEU", "text": "raw", "outcome": "win" if place > 2 else "tie"}
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


def test_figures_are_the_same_bytes_every_time(tmp_path):
    for attempt in ("one", "two"):
        figure, table = mask_figures.heat_map(SELECTION, LANGUAGES, "en", "encoder", "trial")
        save(figure, tmp_path / attempt, table)
    for ending in ("svg", "png", "csv"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    assert not re.search(rb"dc:date|20\d\d-\d\d-\d\d", (tmp_path / "one.svg").read_bytes())


def written(folder, name):
    return {path.name for path in folder.glob(f"{name}*")} == {f"{name}.{ending}" for ending in ("svg", "png", "csv")}


def test_the_commands_draw_everything(command, table_of_languages, tmp_path):
    write_masks(tmp_path / "ns.parquet", make_masks(), {})
    common = ("--languages", table_of_languages, "--run", "trial", "--output", tmp_path / "figures")
    command("figures_masks", "--masks", tmp_path / "ns.parquet", "--name", "ns", *common).ok()
    for name in ("overlap-ns-encoder", "overlap-ns-decoder", "overlap-by-layer-ns", "sparsity-ns", "languages-ns"):
        assert written(tmp_path / "figures", name), name
    scores, tests = score_tables()
    (tmp_path / "tables").mkdir()
    scores.to_csv(tmp_path / "tables/directions.csv", index=False)
    tests.to_csv(tmp_path / "tables/significance.csv", index=False)
    options = ("--against", "baseline", "--metrics", "BLEU")
    command("figures_scores", tmp_path / "tables", *options, *common).ok()
    assert written(tmp_path / "figures", "scores-by-tier-BLEU")
    assert written(tmp_path / "figures", "scores-by-language-BLEU")
    curve = tmp_path / "training.csv"
    curve.write_text("update,split,loss\n10,train,9.5\n20,train,8.1\n20,valid,8.2\n")
    command(
        "figures_training", f"baseline={curve}", f"ns={curve}", "--run", "trial", "--output", tmp_path / "figures"
    ).ok()
    assert written(tmp_path / "figures", "training")
    assert len(pd.read_csv(tmp_path / "figures/training.csv")) == 6


def test_one_component_and_another_threshold_are_drawn(command, table_of_languages, tmp_path):
    paths = []
    for place, pair in enumerate(PAIRS):
        counts = np.random.default_rng(place).integers(1, 100, 40)
        paths.append(tmp_path / f"{pair}.parquet")
        write_activations(paths[-1], {("encoder", 0): counts}, {"pair": pair})
    common = ("--languages", table_of_languages, "--run", "trial", "--output", tmp_path / "figures")
    command("figures_masks", "--activations", *paths, "--k", 70, "--name", "k70", *common).ok()
    assert written(tmp_path / "figures", "overlap-k70-encoder")
    assert written(tmp_path / "figures", "sparsity-k70")
    assert not (tmp_path / "figures/overlap-k70-decoder.svg").exists()
