"""What a configuration expands to: languages, directions, batches, contrasts, files; and what is said of changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_configuration import config, run_of
from workflow_scripts import configuration_record, source_code
from workflow_scripts.command_line import as_json, as_text
from workflow_scripts.errors import UserError
from workflow_scripts.paths import DEFAULT_SET
from workflow_scripts.run import Run

NS = {"masks": {"select": "cumulative", "k": 95}}
SYSTEMS = {
    "baseline": {},
    "ns": NS,
    "random": {"masks": {"select": "random", "like": "ns"}},
    "dense": {"continue": True},
    "released": {"checkpoint": {"path": "ns.pt"}, **NS},
}


@pytest.fixture
def multi(tmp_path: Path) -> Path:
    """A multi-parallel test set of three languages."""
    for code in ("en", "de", "fr"):
        (tmp_path / f"test.{code}").write_text("a\n")
    return tmp_path


def text(directions) -> list[str]:
    return list(map(str, directions))


def test_it_never_changes_the_configuration():
    made = config()
    before = json.dumps(made)
    run = Run.from_config(made, ROOT)
    assert json.dumps(made) == before
    assert list(run.languages) == ["en", "de", "nl", "fr"]
    with pytest.raises(AttributeError):
        run.pairs = ()


def test_one_corpus_serves_both_directions():
    assert text(run_of().corpora) == ["en-de", "en-nl", "en-fr"]


def test_systems_by_kind():
    run = run_of(systems=SYSTEMS)
    systems = run.systems
    assert tuple(systems) == tuple(SYSTEMS)
    assert systems.trained == ("ns", "random", "dense")
    assert systems.masked == ("ns", "random", "released")
    assert systems.given == ("released",)
    assert systems.models == tuple(SYSTEMS)
    assert run.trainings.keys() == run.curves.keys() == {"baseline", "ns", "random", "dense"}
    assert systems["baseline"].checkpoint == "results/test/baseline/checkpoint.pt"
    assert systems["released"].checkpoint == "results/test/systems/released/checkpoint.pt"
    assert systems["dense"].masks == systems["dense"].components == []
    assert systems["random"].like == systems["ns"].masks == ["results/test/masks/ns.parquet"]
    assert run.mask_settings("random")["seed"] == 222
    assert systems["released"].given_files == ["ns.pt"]
    assert systems["ns"].options == {"kind": "masks", "masks": systems["ns"].masks, "settings": None}
    assert run_of(baseline__checkpoint={"path": "b.pt"}).given_baseline == ["b.pt"]
    assert run_of(baseline__checkpoint={"url": "https://b"}).given_baseline == []


def test_masks_from_the_activations_of_another_baseline(tmp_path):
    for pair in run_of().directions:
        (tmp_path / f"{pair}.parquet").touch()
    run = run_of(systems={**SYSTEMS, "other": {"masks": {**NS["masks"], "activations": str(tmp_path)}}})
    theirs, own = run.systems["other"], run.systems["ns"]
    assert theirs.activations(run.directions)[:2] == [f"{tmp_path}/en-de.parquet", f"{tmp_path}/en-nl.parquet"]
    assert own.activations(run.directions)[:1] == ["results/test/activations/en-de.parquet"]
    assert run.mask_settings("other") == {
        "select": "cumulative",
        "k": 95,
        "components": ["encoder", "decoder"],
        "positions": "real",
        "like": [],
        "baseline_activations": "results/test/activations/en-de.parquet",
    }


def test_families_are_told_to_those_criteria_alone_that_ask():
    run = run_of(systems={**SYSTEMS, "family": {"masks": {"select": "family", "k": 95}}})
    assert run.mask_settings("family")["families"]["fr"] == run.languages["fr"].family
    assert "families" not in run.mask_settings("random")


def test_masks_without_training_are_the_baselines_weights_under_masks():
    run = run_of(systems={"baseline": {}, "ns": NS, "untrained": {**NS, "training": {"max_update": 0}}})
    untrained = run.systems["untrained"]
    assert untrained.checkpoint == run.paths.baseline
    assert untrained.masks == ["results/test/masks/untrained.parquet"]
    assert run.trainings.keys() == run.curves.keys() == {"baseline", "ns"}
    assert "untrained" in run.work.decode[0].systems
    files = run.outputs.artefacts
    assert "results/test/masks/untrained.parquet" in files
    assert "results/test/translations/untrained/en-de.parquet" in files
    assert not [file for file in files if "systems/untrained" in file]
    assert "overlap-untrained-encoder" in run.outputs.shown_figures


def test_code_of_a_kind_is_that_of_its_systems_alone(monkeypatch):
    """A change of what masks do makes no dense training stale."""
    run = run_of(systems=SYSTEMS, jobs__retrain=["ns", "random", "dense", "baseline"])
    before = {name: run.code_of_training(name) for name in run.trainings}
    assert before["ns"] == before["random"]
    assert len({before["ns"], before["dense"], before["baseline"]}) == 3
    digest = source_code._module_digest
    monkeypatch.setattr(
        source_code, "_module_digest", lambda module: "x" if module == "layers.specialized_ffn" else digest(module)
    )
    source_code.step_digest.cache_clear()
    after = {name: run.code_of_training(name) for name in run.trainings}
    source_code.step_digest.cache_clear()
    assert {name for name in before if before[name] != after[name]} == {"ns", "random"}


def test_batches_hold_every_direction_once():
    run = run_of(systems=SYSTEMS, jobs__directions_per_job=4)
    for batches in (run.work.record, run.work.decode, run.work.score):
        assert text(pair for batch in batches for pair in batch.directions) == text(run.pairs)
        assert [batch.number for batch in batches] == [1, 2]
    assert {batch.systems for batch in run.work.score} == {tuple(run.systems)}
    assert {(batch.against, batch.systems) for batch in run.work.tests} == {
        ("baseline", ("ns", "random", "dense", "released"))
    }


def test_without_tests_nothing_is_tested():
    run = run_of(score__significance={"bootstrap": 0, "randomization": 0})
    assert run.work.tests == []
    assert not [file for file in run.outputs.artefacts if "significance" in file]


def test_a_run_without_the_system_to_compare_with_compares_nothing():
    run = run_of(systems={"ns": NS})
    assert (run.against, run.tested, run.outputs.score_figures) == (None, {}, [])


def test_further_test_sets_have_what_their_folder_has(multi):
    run = run_of(test_sets={"news": str(multi)}, systems=SYSTEMS)
    assert text(run.scored("ns", "news")) == ["en-de", "en-fr", "de-en", "fr-en"]
    assert text(run.scored("ns")) == text(run.pairs)
    paths = run.paths
    assert paths.translation("ns", "news", "en-de")[0] == "results/test/translations/ns/news/en-de.parquet"
    assert (
        paths.score("ns", DEFAULT_SET, "en-de", ("json", "segments.parquet"))[0] == "results/test/scores/ns/en-de.json"
    )
    assert paths.test("dense", "ns", "news", "en-de") == "results/test/significance/dense/ns/news/en-de.json"
    assert "results/test/data/tests/news/manifest.json" in run.outputs.artefacts
    assert {batch.test_set for batch in run.work.decode} == {"test", "news"}


@pytest.mark.parametrize(
    ("given", "message"),
    [("gone", "there is no folder gone"), ({"path": "{folder}", "split": "dev"}, "has no text of split dev for any")],
)
def test_test_sets_without_text_are_refused(multi, given, message):
    given = given if isinstance(given, str) else {**given, "path": str(multi)}
    with pytest.raises(UserError, match=rf"test_sets\.news: .*{message}"):
        run_of(test_sets={"news": given})


def test_whoever_reads_a_manifest_needs_the_data_that_it_tells_of(multi):
    own = run_of(test_sets={"news": str(multi)}).data
    assert own.prepared_training == ["results/test/data/bin"]
    for name in (DEFAULT_SET, "news"):
        assert own.prepared_test(name) == [f"results/test/data/tests/{name}/{part}" for part in ("bin", "text")]
    assert own.prepared_recorded == []
    recorded = run_of(activations__split="test").data
    assert recorded.prepared_recorded == recorded.prepared_test(DEFAULT_SET)
    given = run_of(data__source="databin", data__databin={"path": str(multi)}, test_sets={"news": str(multi)}).data
    assert given.prepared_training == given.prepared_test(DEFAULT_SET) == []
    assert given.prepared_test("news")


def test_the_files_of_a_given_data_bin_are_inputs_and_those_of_a_downloaded_one_are_not(tmp_path):
    for name in ("dict.en.txt", "train.en-de.en.bin", "test.en-de.en.bin"):
        (tmp_path / name).touch()
    given = run_of(data__source="databin", data__databin={"path": str(tmp_path)}).data
    assert given.given_databin(["train"]) == [str(tmp_path / name) for name in ("dict.en.txt", "train.en-de.en.bin")]
    downloaded = run_of(data__source="databin", data__databin={"url": "https://example.org/a.zip"}).data
    assert downloaded.given_databin(["train"]) == []
    assert downloaded.databin == downloaded.unpacked == "results/test/data/download/unpacked"


def test_downloads_and_trainings_that_nothing_brings_back_are_precious(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run.from_config(config(), ROOT)
    assert run.is_precious("fetch_databin", ["results/test/data/download/archive"])
    assert run.is_precious("specialize", [run.paths.checkpoint("ns")])
    assert not run.is_precious("masks", [run.paths.masks("ns")])
    state = Path(run.paths.work("ns"), "state.json")
    state.parent.mkdir(parents=True)
    state.touch()
    assert not run.is_precious("specialize", [run.paths.checkpoint("ns")])


def test_every_artefact_that_a_user_may_open_is_asked_for():
    files = set(run_of(systems=SYSTEMS).outputs.artefacts)
    wanted = {
        *(f"activations/{pair}.parquet" for pair in ("en-de", "fr-en")),
        *("masks/ns.parquet", "masks/released.parquet", "baseline/checkpoint.pt", "systems/dense/training.csv"),
        *(f"translations/ns/en-nl.{end}" for end in ("hyp.txt", "ref.txt", "src.txt", "parquet")),
        *("scores/random/nl-en.json", "scores/random/nl-en.segments.parquet", "significance/baseline/ns/en-de.json"),
        *("tables/summary.md", "tables/wins.csv", "tables/overlap-ns/sparsity.csv", "report.html"),
        *("figures/scores-by-tier-BLEU.pdf", "figures/training.csv", "data/manifest.json"),
    }
    assert {f"results/test/{name}" for name in wanted} <= files


def test_a_selection_asks_for_its_tables_alone():
    run = run_of(pairs="en-de,fr-en")
    assert run.outputs.selection == "results/test/selections/en-de+fr-en"
    files = run.outputs.artefacts
    assert "results/test/selections/en-de+fr-en/tables/summary.csv" in files
    assert not [file for file in files if "report" in file or "figures" in file or "/masks/" in file]


def test_two_selections_never_share_a_folder():
    table = {"table": "config/languages/ec30.tsv"}
    long = [f"en-{code}" for code in list(run_of(languages=table).languages)[1:]]
    folders = {
        run_of(languages=table, pairs=long[:count]).outputs.selection.rpartition("/")[2] for count in range(1, 30)
    }
    assert len(folders) == 29
    assert max(map(len, folders)) <= 100


def test_figures_of_scores_need_something_to_compare():
    assert run_of().outputs.score_figures[0] == "scores-by-tier-BLEU"
    assert run_of(languages__directions=["de-fr", "fr-de"]).outputs.score_figures == []


def test_components_are_compared_where_languages_differ():
    assert run_of().outputs.comparable == ("encoder", "decoder")
    assert run_of(languages__directions=["en-de", "en-fr", "de-en"]).outputs.comparable == ("decoder",)


def test_what_copies_sizes_has_masks_in_no_more_components():
    """Figures were promised of masks that are not made."""
    encoder = {"masks": {"select": "cumulative", "k": 95, "components": ["encoder"]}}
    copies = {"masks": {"select": "random", "like": "ns"}}
    outputs = run_of(systems__ns=encoder, systems__random=copies).outputs
    assert outputs.neuron_sets == {"ns": ["encoder"], "random": ["encoder"]}
    other = {"masks": copies["masks"] | {"components": ["decoder"]}}
    with pytest.raises(UserError, match=r"random\.masks\.components: ns, whose sizes are copied, masks another"):
        run_of(systems__ns=encoder, systems__random=other)


def test_neuron_sets_at_another_k():
    outputs = run_of(report__overlap_k=70).outputs
    assert list(outputs.neuron_sets) == ["ns", "k70"]
    assert outputs.sets_of("k70")["k"] == 70
    assert len(outputs.files_of("k70")) == 6


def test_crossed_masks_are_asked_for_by_their_key_alone():
    assert not [file for file in run_of(systems=SYSTEMS).outputs.artefacts if "crossed" in file]
    run = run_of(systems=SYSTEMS, report__crossed=["ns", "released"], jobs__directions_per_job=4)
    wanted = {"crossed/unmasked.parquet"}
    for name in ("ns", "released"):
        wanted |= {f"crossed/{name}/{pair}.parquet" for pair in run.directions} | {f"tables/crossed-{name}.csv"}
        wanted |= {f"figures/crossed-{name}.{end}" for end in ("svg", "pdf", "csv")}
    assert {file for file in run.outputs.artefacts if "crossed" in file} == {f"results/test/{name}" for name in wanted}
    assert "results/test/figures/crossed-ns.svg" in run.outputs.wanted
    assert [(batch.number, len(batch.directions), batch.systems) for batch in run.work.crossed] == [
        *((1, 4, ("ns", "released")), (2, 2, ("ns", "released")))
    ]
    # Whoever has a part of the directions decoded compares nothing else.
    chosen = run_of(systems=SYSTEMS, report__crossed=["ns"], pairs="en-de")
    assert not [file for file in chosen.outputs.artefacts if "crossed" in file]


def test_crossed_masks_are_drawn_by_the_primary_metric_where_it_counts():
    assert run_of(score__metrics=["chrf++", "ter"]).scoring.primary_counted == "chrF++"
    assert run_of(score__metrics=["chrf++", "ter"], score__primary="ter").scoring.primary_counted == "TER"
    comet = {"score__comet": {"model": "a/b"}, "score__primary": "comet"}
    assert run_of(**comet).scoring.primary_counted == "BLEU"


def test_code_of_crossed_masks_is_that_of_the_kind():
    run = run_of(systems=SYSTEMS)
    assert run.code_of_crossed("ns") == run.code_of_crossed("random") != run.code_of_crossed()


def test_another_configuration_under_a_name_in_use_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = run_of()
    assert configuration_record.announce(run) == []
    configuration_record.write(run)
    assert configuration_record.announce(run_of()) == []
    assert configuration_record.announce(run_of(jobs__directions_per_job=3, pairs="en-de")) == []
    said = configuration_record.announce(run_of(languages__codes=["en", "nl", "de", "fr"], decode__beam=4))
    assert "was last made with another configuration" in said[0]
    assert sorted(said[1:]) == [
        "  decode.beam: 5 -> 4",
        '  languages.codes: ["en", "de", "nl", "fr"] -> ["en", "nl", "de", "fr"]',
    ]
    gone = configuration_record.announce(run_of(systems={"baseline": {}}))
    assert gone[1].startswith("  systems.ns: {")
    assert gone[1].endswith("-> –")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("data/manifest.json", json.dumps({"shards": []})),
        ("tables/directions.csv", "system,pair,metric,text,score\n"),
        ("configuration.json", json.dumps({"format": 1})),
    ],
)
def test_results_of_an_older_version_are_refused_with_the_remedy(tmp_path, monkeypatch, file, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results/test" / file
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(UserError, match=r"older version .* Move the folder away \(mv results/test results/test-old\)"):
        configuration_record.announce(run_of())


def test_results_of_this_version_are_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results/test/data/manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"format": 2}))
    assert configuration_record.announce(run_of()) == []


def test_only_what_is_missing_is_asked_for_beside_the_last_artefacts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outputs = run_of().outputs
    fresh = outputs.wanted
    assert "results/test/report.html" in fresh
    assert not [file for file in fresh if "translations" in file]
    for file in outputs.artefacts:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()
    assert outputs.wanted == fresh
    for gone in ("translations/ns/en-de.hyp.txt", "masks/ns.parquet", "activations/en-de.parquet"):
        Path("results/test", gone).unlink()
        assert f"results/test/{gone}" in outputs.wanted


def test_tables_keep_the_order_of_the_configuration():
    systems = {"ns": NS, "dense": {"continue": True}, "baseline": {}}
    assert list(json.loads(as_json(as_text(run_of(systems=systems).rows), in_order=True))["test"]) == list(systems)


def test_several_contrasts_are_tested_and_drawn_each():
    run = run_of(systems=SYSTEMS, score__against=["dense", "baseline"])
    assert run.contrasts == ("dense", "baseline")
    assert run.against == "dense"
    assert {(batch.against, batch.systems) for batch in run.work.tests} == {
        ("dense", ("baseline", "ns", "random", "released")),
        ("baseline", ("ns", "random", "dense", "released")),
    }
    figures = run.outputs.score_figures
    assert "scores-by-tier-BLEU" in figures
    assert "scores-by-tier-BLEU-against-baseline" in figures
    assert len(figures) == 2 * len(run_of(systems=SYSTEMS).outputs.score_figures)
    single = run_of(systems=SYSTEMS, score__against=["baseline"])
    assert (single.contrasts, single.outputs.artefacts) == (("baseline",), run_of(systems=SYSTEMS).outputs.artefacts)


def test_too_few_trials_for_the_directions_are_refused():
    run_of(systems=SYSTEMS, score__significance={"bootstrap": 0, "randomization": 120})
    with pytest.raises(UserError, match=r"119 trials .* 6 directions; at least 120 are needed"):
        run_of(systems=SYSTEMS, score__significance={"bootstrap": 0, "randomization": 119})


def test_what_is_frozen_decides_about_systems_alone_and_chunks_about_nothing():
    run = run_of(training={"freeze": ["embeddings"], "loss_chunk": 64})
    assert "freeze" not in run.decisive_training()
    assert run.decisive_training("ns")["freeze"] == ["embeddings"]
    assert run.processes("ns")["loss_chunk"] == 64
    assert "loss_chunk" not in run.decisive_training("ns")
    # Trainings of before these keys stay current.
    assert "freeze" not in run_of().decisive_training("ns")
