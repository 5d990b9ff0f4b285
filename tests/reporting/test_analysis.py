"""What masks say about languages."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.conftest import write_counts
from workflow_scripts.artifacts import Mask, write_masks
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.languages import Language
from workflow_scripts.neurons import overlap
from workflow_scripts.reporting import analysis, overlaps, selections

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
        code = Direction.parse(pair).other("en")
        family = 10 if CODES[code] == "Q" else 20
        own = 30 + 2 * list(CODES).index(code)
        neurons = np.array([*range(10), *range(family, family + 10), own, own + 1], dtype=np.int32)
        masks += [Mask(pair, part, layer, FFN, neurons, 95.0, 0.96) for part in components for layer in range(layers)]
    return masks


def sides(masks, languages=LANGUAGES):
    return analysis.sides(masks, languages, "en")


def test_overlap_by_hand():
    table = analysis.overlap_table(sides(make_masks()), LANGUAGES)
    assert len(table) == 2 * 2 * 2 * 6, "components, layers, types, pairs of languages"
    assert table.loc[table["same_family"], "iou"].unique() == pytest.approx([20 / 24])
    assert table.loc[~table["same_family"], "iou"].unique() == pytest.approx([10 / 34])
    assert sorted(table["layer"].unique()) == [0, 1], "layers count from 0, as in the masks"


def test_families_are_recovered_where_they_are():
    table = analysis.family_table(sides(make_masks()), LANGUAGES)
    overall = table[(table["component"] == "decoder") & (table["layer"] == "all") & (table["type"] == "O2M")].iloc[0]
    assert overall["within"] == pytest.approx(20 / 24)
    assert overall["across"] == pytest.approx(10 / 34)
    assert overall["ari"] == 1
    assert overall["note"] == ""
    assert set(table["layer"]) == {"0", "1", "all"}


def test_the_noise_of_the_choice_stands_beside_families():
    halves = {"qa": 0.9, "qe": 0.8, "xa": 0.7, "xe": 0.6}
    masks = [
        replace(mask, halves=halves[Direction.parse(mask.pair).other("en")] - mask.layer / 10) for mask in make_masks()
    ]
    table = analysis.family_table(sides(masks), LANGUAGES)
    rows = table[(table["component"] == "decoder") & (table["type"] == "O2M")]
    assert rows["halves"].tolist() == pytest.approx([0.75, 0.65, 0.7])
    assert analysis.sparsity_table(masks, "en")["halves"].tolist() == [mask.halves for mask in masks]
    assert analysis.family_table(sides(make_masks()), LANGUAGES)["halves"].isna().all()


def test_families_are_not_found_where_they_are_not():
    similarity = np.array([[1, 0.1, 0.9, 0.2], [0.1, 1, 0.2, 0.9], [0.9, 0.2, 1, 0.1], [0.2, 0.9, 0.1, 1]])
    (found,) = analysis.recovered(similarity[None], list("aabb"))
    assert found < 0
    within, across = overlap.within_across(similarity, list("aabb"))
    assert within < across
    assert overlap.permutation_test(similarity, list("aabb")) > 0.3


def test_who_keeps_which_neurons_by_hand():
    found = sides(make_masks(layers=1, components=("decoder",)))[:1]
    table = analysis.shared_table(found, LANGUAGES).set_index(["group", "name"])
    counts = {key: count for key, count in table["count"].items() if count}
    own = {("language", code): 2 for code in CODES}
    assert counts == {("all", ""): 10, ("none", ""): 2, ("family", "Q"): 10, ("family", "X"): 10} | own
    assert table["share"].sum() == pytest.approx(1)
    assert table["expected"].sum() == pytest.approx(FFN)
    density = 22 / FFN
    assert table.loc[("family", "Q"), "expected"] == pytest.approx(FFN * density**2 * (1 - density) ** 2)
    neurons = analysis.neuron_table(found, LANGUAGES).set_index("neuron")
    assert neurons.loc[0, ["languages", "group", "name"]].tolist() == [4, "all", ""]
    assert neurons.loc[25, ["languages", "group", "name"]].tolist() == [2, "family", "X"]
    assert neurons.loc[33, ["languages", "group", "name"]].tolist() == [1, "language", "qe"]


def test_sets_that_leave_chance_no_choice_are_not_compared():
    whole = np.arange(FFN, dtype=np.int32)
    masks = [Mask(pair, "decoder", 0, FFN, whole, None, 1.0) for pair in PAIRS]
    table = analysis.family_table(sides(masks), LANGUAGES)
    assert table["note"].unique().tolist() == ["sets are empty or the whole layer"]
    assert table[["p", "kept_p", "ari", "corrected_within"]].isna().all(axis=None)
    assert table["within"].unique().tolist() == [1]


# One language of every family; all languages of one family.
ALONE = {code: Language(code, code, code, "Latin", "high") for code in LANGUAGES}
RELATED = {code: Language(code, code, "F", "Latin", "high") for code in LANGUAGES}


@pytest.mark.parametrize(
    ("languages", "defined", "note"),
    [(ALONE, "across", "no two languages are of one family"), (RELATED, "within", "all languages are of one family")],
)
def test_what_is_not_defined_has_its_reason(languages, defined, note):
    table = analysis.family_table(sides(make_masks(), languages), languages)
    assert table["note"].unique().tolist() == [note]
    kinds = ("", "corrected_", "kept_")
    numbers = table[[f"{kind}{name}" for kind in kinds for name in ("within", "across")] + ["p", "kept_p", "ari"]]
    known = [f"{kind}{defined}" for kind in kinds]
    assert numbers[known].notna().all(axis=None)
    assert numbers.drop(columns=known).isna().all(axis=None), "clusters of single languages recover nothing"


def test_a_direction_that_lacks_a_layer_is_refused():
    masks = [mask for mask in make_masks() if (mask.pair, mask.component, mask.layer) != ("en-qa", "decoder", 1)]
    with pytest.raises(UserError, match="not every O2M direction has neurons in all of the decoder's layers"):
        sides(masks)


def test_similarity_comes_back_from_the_table():
    table = analysis.overlap_table(found := sides(make_masks(components=("decoder",))), LANGUAGES)
    for side in found:
        codes, matrix = analysis.similarity(table[table["type"] == side.type])
        assert codes == side.languages == ["qa", "qe", "xa", "xe"]
        assert matrix == pytest.approx(side.iou.mean(axis=0))


def test_sparsity_per_direction():
    table = analysis.sparsity_table(make_masks(), "en")
    assert table["sparsity"].unique() == pytest.approx([1 - 22 / 40])
    assert table.groupby("type")["pair"].nunique().to_dict() == {"M2O": 4, "O2M": 4}


def test_a_component_without_masks_is_left_out():
    masks = make_masks(components=("encoder",))
    assert set(analysis.family_table(sides(masks), LANGUAGES)["component"]) == {"encoder"}
    assert analysis.family_table([], LANGUAGES).empty
    assert analysis.overlap_table([], LANGUAGES).empty


def test_other_thresholds_come_from_activation_counts(tmp_path):
    counts = np.array([50, 30, 15, 5])
    write_counts(tmp_path / "a.parquet", {("encoder", 0): counts}, {"pair": "qa-en"})
    (mask,) = selections.from_activations([tmp_path / "a.parquet"], 70).masks
    assert mask.neurons.tolist() == [0, 1]
    assert mask.pair == "qa-en"
    assert mask.coverage == 0.8


@pytest.mark.parametrize(
    ("metadata", "label"),
    [
        ({"select": "cumulative"}, "specialized neurons, k = 95"),
        ({"select": "random"}, "random neurons, k = 95"),
        ({"select": "gone"}, "neurons selected by gone, k = 95"),
        ({}, "neurons selected by no known criterion, k = 95"),
    ],
)
def test_neurons_are_called_by_the_way_they_were_selected(tmp_path, metadata, label):
    write_masks(tmp_path / "m.parquet", make_masks(), metadata)
    assert selections.from_masks(tmp_path / "m.parquet").label == label


@pytest.fixture
def table_of_languages(tmp_path):
    path = tmp_path / "languages.tsv"
    pd.DataFrame([vars(language) for language in LANGUAGES.values()]).to_csv(path, sep="\t", index=False)
    return path


def test_the_command_prints_means_within_and_across(command, table_of_languages, tmp_path):
    write_masks(tmp_path / "ns.parquet", make_masks(), {"select": "cumulative"})
    options = ("--name", "ns", "--languages", table_of_languages, "--output", tmp_path / "ns")
    result = command("overlap", "--masks", tmp_path / "ns.parquet", *options).ok()
    assert "[overlap ns] decoder, en→X, specialized neurons, k = 95: IoU within families 0.833" in result.out
    assert "IoU across families 0.294 (p = " in result.out
    assert {path.name for path in (tmp_path / "ns").iterdir()} == {
        f"{name}.csv" for name in ("overlap", "families", "sparsity", "shared", "neurons")
    }
    tables = overlaps.read(tmp_path / "ns")
    assert (tables.selection, tables.neurons) == ("ns", "specialized neurons, k = 95")
    assert set(tables.means()["component"]) == {"encoder", "decoder"}


def test_the_command_says_what_is_not_defined(command, tmp_path):
    write_masks(tmp_path / "ns.parquet", make_masks(), {"select": "cumulative"})
    path = tmp_path / "languages.tsv"
    pd.DataFrame([vars(language) for language in ALONE.values()]).to_csv(path, sep="\t", index=False)
    options = ("--name", "ns", "--languages", path, "--output", tmp_path / "ns")
    result = command("overlap", "--masks", tmp_path / "ns.parquet", *options).ok()
    assert "IoU within families not defined" in result.out
    assert "IoU across families 0.474 (no two languages are of one family)" in result.out
    assert "nan" not in result.out
    assert "nan" not in (tmp_path / "ns/families.csv").read_text()


def test_tables_of_another_version_and_missing_ones_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"families.csv does not exist"):
        overlaps.read_table(tmp_path / "families.csv")
    (tmp_path / "families.csv").write_text("component,layer,type,within,across,p,ari\n")
    with pytest.raises(UserError, match=r"families.csv is of another version .*move the folder"):
        overlaps.read_table(tmp_path / "families.csv")
