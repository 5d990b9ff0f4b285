"""What masks say about languages."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.artifacts import Mask, write_activations, write_masks
from workflow_scripts.languages import Language
from workflow_scripts.reporting import analysis, selections

CODES = {"qa": "Q", "qe": "Q", "xa": "X", "xe": "X"}
LANGUAGES = {"en": Language("en", "English", "E", "Latin", "")} | {
    code: Language(code, code.upper(), family, "Latin", "high") for code, family in CODES.items()
}
PAIRS = [f"en-{code}" for code in CODES] + [f"{code}-en" for code in CODES]
FFN = 40


def make_masks(layers=2, components=("encoder", "decoder")):
    """Neurons 0-9 for all, ten of the family, five of the language."""
    masks = []
    for pair in PAIRS:
        code = next(part for part in pair.split("-") if part != "en")
        family = 10 if CODES[code] == "Q" else 20
        own = 30 + 2 * list(CODES).index(code)
        neurons = np.array([*range(10), *range(family, family + 10), own, own + 1], dtype=np.int32)
        masks += [Mask(pair, part, layer, FFN, neurons, 95.0, 0.96) for part in components for layer in range(layers)]
    return masks


def test_overlap_by_hand():
    table = analysis.overlap_table(make_masks(), LANGUAGES, "en")
    assert len(table) == 2 * 2 * 2 * 6, "components, layers, types, pairs of languages"
    assert table.loc[table["same_family"], "iou"].unique() == pytest.approx([20 / 24])
    assert table.loc[~table["same_family"], "iou"].unique() == pytest.approx([10 / 34])
    assert sorted(table["layer"].unique()) == [1, 2]


def test_families_are_recovered_where_they_are():
    table = analysis.family_table(make_masks(), LANGUAGES, "en")
    overall = table[(table["component"] == "decoder") & (table["layer"] == 0) & (table["type"] == "O2M")].iloc[0]
    assert overall["within"] == pytest.approx(20 / 24)
    assert overall["across"] == pytest.approx(10 / 34)
    assert overall["ari"] == 1
    assert set(table["layer"]) == {0, 1, 2}


def test_families_are_not_found_where_they_are_not():
    score = analysis.family_score(
        np.array([[1, 0.1, 0.9, 0.2], [0.1, 1, 0.2, 0.9], [0.9, 0.2, 1, 0.1], [0.2, 0.9, 0.1, 1]]), list("aabb")
    )
    assert score["ari"] < 0
    assert score["within"] < score["across"]
    assert score["p"] > 0.3


def test_sparsity_per_direction():
    table = analysis.sparsity_table(make_masks(), "en")
    assert table["sparsity"].unique() == pytest.approx([1 - 22 / 40])
    assert table.groupby("type")["pair"].nunique().to_dict() == {"M2O": 4, "O2M": 4}


def test_a_component_without_masks_is_left_out():
    masks = make_masks(components=("encoder",))
    assert set(analysis.family_table(masks, LANGUAGES, "en")["component"]) == {"encoder"}
    assert analysis.mean_similarity(masks, LANGUAGES, "en", "decoder")[0] == []


def test_other_thresholds_come_from_activation_counts(tmp_path):
    counts = np.array([50, 30, 15, 5])
    write_activations(tmp_path / "a.parquet", {("encoder", 0): counts}, {"pair": "qa-en"})
    (mask,) = selections.from_activations([tmp_path / "a.parquet"], 70).masks
    assert mask.neurons.tolist() == [0, 1]
    assert mask.pair == "qa-en"
    assert mask.coverage == 0.8


def test_the_command_prints_means_within_and_across(command, tmp_path):
    write_masks(tmp_path / "ns.parquet", make_masks(), {})
    languages = tmp_path / "languages.tsv"
    pd.DataFrame([vars(language) for language in LANGUAGES.values()]).to_csv(languages, sep="\t", index=False)
    result = command(
        "overlap", "--masks", tmp_path / "ns.parquet", "--languages", languages, "--output", tmp_path / "ns"
    ).ok()
    assert "decoder, en→X, specialized neurons, k = 95: IoU within families 0.833" in result.out
    assert "IoU across families 0.294 (p = " in result.out
    assert {path.name for path in (tmp_path / "ns").iterdir()} == {"overlap.csv", "families.csv", "sparsity.csv"}
