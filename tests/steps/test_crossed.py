"""The baseline under the masks of other directions: the texts, what is current, the scores and what is said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sacrebleu

from tests.conftest import DIRECTIONS
from workflow_scripts.artifacts import Mask, read_translations, write_masks
from workflow_scripts.artifacts_crossed import read_crossed, write_crossed
from workflow_scripts.batch import RECOMPUTE

LINES = 7
OUT, IN = DIRECTIONS[:3], DIRECTIONS[3:]
SEARCH = ("--device", "cpu", "--max-length", 15, "--beam", 2)


def masks(path, changed=(), lent=None):
    """Masks that differ from direction to direction; `lent` has those of one for all."""
    rows = []
    for place, pair in enumerate(DIRECTIONS):
        seed = [DIRECTIONS.index(lent) if lent else place, pair in changed]
        random = np.random.default_rng(seed)
        rows += [
            Mask(pair, component, layer, 48, np.sort(random.choice(48, 10, replace=False)).astype(np.int32), None, 0.5)
            for component in ("encoder", "decoder")
            for layer in range(2)
        ]
    write_masks(path, rows, {})
    return path


@pytest.fixture
def crossed(tiny_run, command, tmp_path):
    def run(*options, donors=OUT, pairs=DIRECTIONS):
        given = ("--donors", ",".join(donors)) if donors else ()
        return command(
            *("crossed", "--system", "ns", "--data", tiny_run.manifest, "--test-set", tiny_run.test_set),
            *("--checkpoint", tiny_run.checkpoint, "--pairs", ",".join(pairs), "--lines", LINES, *SEARCH),
            *("--output", tmp_path / "ns", *given, *options),
        )

    return run


@pytest.fixture
def decoded(tiny_run, command, tmp_path):
    """The first lines of a direction as `decode` translates them: with masks, those of a system without training."""

    def run(pair, *options):
        command(
            *("decode", "--system", "any", "--data", tiny_run.manifest, "--test-set", tiny_run.test_set),
            *("--checkpoint", tiny_run.checkpoint, "--pairs", pair, *SEARCH, "--output", tmp_path / "any", *options),
        ).ok()
        return [row["hypothesis"] for row in read_translations(tmp_path / f"any/{pair}.parquet")[0]][:LINES]

    return run


def hypotheses(tmp_path, name):
    return {pair: texts.hypotheses for pair, texts in read_crossed(tmp_path / f"ns/{name}.parquet").items()}


@pytest.mark.parametrize("engine", ["fairseq", "ctranslate2"])
def test_every_cell_is_the_baseline_under_the_donors_masks(crossed, decoded, tmp_path, engine):
    own = masks(tmp_path / "masks.parquet")
    crossed("--masks", own, "--engine", engine, donors=["en-qa", "xi-en"]).ok()
    for donor, pairs in (("en-qa", OUT), ("xi-en", IN)):
        found = hypotheses(tmp_path, donor)
        assert list(found) == pairs
        theirs = masks(tmp_path / "lent.parquet", lent=donor)
        for pair in pairs:
            assert found[pair] == decoded(pair, "--masks", theirs, "--engine", engine)
        # On the diagonal: the system itself, not trained.
        assert found[donor] == decoded(donor, "--masks", own, "--engine", engine)
        others = [pair for pair in pairs if pair != donor]
        assert [found[pair] for pair in others] != [decoded(pair, "--masks", own) for pair in others]


def test_without_masks_it_is_the_baseline(crossed, decoded, tmp_path):
    crossed(donors=()).ok()
    found = hypotheses(tmp_path, "unmasked")
    assert list(found) == DIRECTIONS
    for pair in ("en-qe", "qe-en"):
        assert found[pair] == decoded(pair)


def test_its_lines_are_the_first_of_the_test_set(crossed, tiny_run, tmp_path):
    crossed(donors=()).ok()
    lines = (tiny_run.folder / "data/raw/test.en-qa.qa").read_text(encoding="utf-8").splitlines()
    assert read_crossed(tmp_path / "ns/unmasked.parquet")["en-qa"].references == lines[:LINES]
    crossed("--lines", 1000, donors=()).ok()
    assert read_crossed(tmp_path / "ns/unmasked.parquet")["en-qa"].references == lines


def test_what_is_current_is_left_and_the_masks_of_one_donor_cost_that_donor(crossed, tmp_path, monkeypatch):
    own = ("--masks", masks(tmp_path / "masks.parquet"))
    crossed(*own, donors=OUT[:2]).ok()
    before = {path.name: path.read_bytes() for path in (tmp_path / "ns").iterdir()}
    # Interrupted after two donors it goes on with the third.
    assert "3/3 donors · en-xi · " in crossed(*own).ok().out
    assert {name: (tmp_path / "ns" / name).read_bytes() for name in before} == before
    assert "3/3 donors · all current" in crossed(*own).ok().out
    before = {path.name: path.read_bytes() for path in (tmp_path / "ns").iterdir()}
    crossed("--masks", masks(tmp_path / "other.parquet", changed=["en-qe"])).ok()
    changed = [name for name in before if (tmp_path / "ns" / name).read_bytes() != before[name]]
    assert changed == ["en-qe.parquet"]
    assert "3/3 donors · en-qe · " in crossed(*own).ok().out
    assert "all current" not in crossed(*own, "--beam", 3).ok().out
    monkeypatch.setenv(RECOMPUTE, "crossed")
    assert "all current" not in crossed(*own, "--beam", 3).ok().out


def test_donors_without_masks_and_half_a_command_are_refused(crossed, tmp_path):
    own = masks(tmp_path / "masks.parquet")
    result = crossed("--masks", own, donors=["qa-xi"])
    assert result.code == 2
    assert "no masks for qa-xi (there are: en-qa, en-qe," in result.err
    for half in (crossed("--masks", own, donors=()), crossed()):
        assert half.code == 2
        assert "--masks and --donors go together" in half.err


ENGLISH = ["the old house stands on a green hill today", "a small boat crosses the wide river at night"]
NEARLY = ["the old house stands on a green hill", "a small boat crosses the river at night"]
WRONG = ["no word of this is there", "nor of that one at all"]


def write(folder, name, references=ENGLISH, **texts):
    """What was decoded under one direction's masks, by direction."""
    rows = [
        {"pair": pair.replace("_", "-"), "id": line, "source": "", "reference": reference, "hypothesis": hypothesis}
        for pair, hypotheses in texts.items()
        for line, (hypothesis, reference) in enumerate(zip(hypotheses, references, strict=True))
    ]
    write_crossed(folder / f"{name}.parquet", rows, {})


@pytest.fixture
def scored(command, tmp_path):
    """Two directions into English: the first is best under its own masks, the second under the other's."""
    folder = tmp_path / "crossed/ns"
    write(folder, "qa-en", qa_en=ENGLISH, qe_en=NEARLY)
    write(folder, "qe-en", qa_en=NEARLY, qe_en=WRONG)
    write(folder, "en-qa", en_qa=NEARLY)
    write(folder.parent, "unmasked", qa_en=WRONG, qe_en=NEARLY, en_qa=ENGLISH)

    def run(*options, donors="qa-en,qe-en,en-qa"):
        return command(
            *("crossed_scores", folder, "--system", "ns", "--unmasked", folder.parent / "unmasked.parquet"),
            *("--donors", donors, "--output", tmp_path / "crossed-ns.csv", *options),
        )

    return run


def test_the_table_has_every_cell(scored, tmp_path):
    scored().ok()
    table = pd.read_csv(tmp_path / "crossed-ns.csv", keep_default_na=False)
    assert list(table) == ["system", "kind", "pair", "masks", "metric", "text", "score", "lines"]
    cells = [("en-qa", ""), ("en-qa", "en-qa")]
    cells += [(pair, masks) for pair in ("qa-en", "qe-en") for masks in ("", "qa-en", "qe-en")]
    assert list(table[["pair", "masks"]].drop_duplicates().itertuples(index=False, name=None)) == cells
    assert set(table["lines"]) == {2}
    assert set(zip(table["pair"], table["kind"], strict=True)) == {
        *(("en-qa", "en-x"), ("qa-en", "x-en"), ("qe-en", "x-en"))
    }
    scores = table.set_index(["metric", "pair", "masks"])["score"]
    assert scores["BLEU", "qa-en", "qa-en"] == 100
    expected = sacrebleu.corpus_chrf(NEARLY, [ENGLISH], word_order=2).score
    assert scores["chrF++", "qa-en", "qe-en"] == scores["chrF++", "qe-en", ""] == pytest.approx(expected, abs=1e-4)


def test_means_are_said_by_whose_masks_they_are(scored):
    said = [line for line in scored().ok().out.splitlines() if line.startswith("[crossed ns]")]
    nearly, wrong = (sacrebleu.corpus_bleu(text, [ENGLISH]).score for text in (NEARLY, WRONG))
    own, others, none = (100 + wrong) / 2, nearly, (wrong + nearly) / 2
    assert said[2] == (
        f"[crossed ns] X→en, BLEU: {own:.1f} under own masks, {others:.1f} under others', {none:.1f} without; "
        "own ones are best in 1 of 2 directions"
    )
    assert said[0] == (
        f"[crossed ns] en→X, BLEU: {nearly:.1f} under own masks, – under others', 100.0 without; "
        "own ones are best in 0 of 0 directions"
    )
    assert [line.split(":")[0] for line in said[1::2]] == ["[crossed ns] en→X, chrF++", "[crossed ns] X→en, chrF++"]


def test_of_a_metric_where_less_is_better_the_best_is_the_least(scored):
    said = scored("--metrics", "ter").ok().out
    wrong = sacrebleu.corpus_ter(WRONG, [ENGLISH]).score
    assert f"X→en, TER: {wrong / 2:.1f} under own masks" in said
    assert "own ones are best in 1 of 2 directions" in said


def test_files_of_other_lines_are_refused(scored, tmp_path):
    write(tmp_path / "crossed/ns", "qe-en", references=ENGLISH[::-1], qa_en=NEARLY, qe_en=WRONG)
    result = scored()
    assert result.code == 2
    assert "hold other lines of qa-en: decode them again" in result.err
    assert "gone-en.parquet does not exist" in scored(donors="gone-en").err
