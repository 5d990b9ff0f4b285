"""Languages of hypotheses: who tells them, what is counted, what is refused, and where it is shown."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.scoring.test_tables import rows
from tests.test_configuration import SCHEMA, config
from workflow_scripts.configuration import complete
from workflow_scripts.errors import UserError
from workflow_scripts.run import Run
from workflow_scripts.scoring import checks, rates, tables
from workflow_scripts.scoring.identifiers import IDENTIFIERS, heliport
from workflow_scripts.scoring.identifiers.heliport import likeliest
from workflow_scripts.scoring.ngrams import CUT, FREQUENT, classifier, count
from workflow_scripts.scoring.off_target import counted

TEXTS = {
    "nl": ["de kat zit op de mat", "een hond rent weg van het huis", "het is een rood huis"],
    "de": ["die Katze sitzt auf der Matte", "ein Hund läuft weg vom Haus", "das ist ein rotes Haus"],
    "ru": ["кошка сидит на коврике", "собака убегает из дома", "это красный дом"],
}


def ngrams(text):
    """n-grams within words, by their definition: a space on either side of a word, up to four characters."""
    found = []
    for word in text.lower().split():
        padded = f" {word} "
        for size in range(1, 5):
            cut = [padded[start : start + size] for start in range(max(1, len(padded) - size + 1))]
            found += [ngram for ngram in cut if ngram != " "]
    return found


def test_counts_are_those_of_ngrams():
    counts = count({"nl": ["De kat.", "kat"], "de": ["die Katze"]})
    ours = ngrams("De kat.") + ngrams("kat")
    assert counts["nl"] == {ngram: ours.count(ngram) for ngram in sorted({*ours, *ngrams("die Katze")} & {*ours})}
    assert CUT["ngram_range"] == (1, 4)
    long = {"a": [" ".join(f"w{number:04}" for number in range(5000))], "b": ["xyz"]}
    assert len(count(long)["a"]) <= FREQUENT + len(ngrams("xyz"))


def slow(counts, line):
    """Multinomial naive Bayes by its definition, in exact fractions."""
    from fractions import Fraction

    vocabulary = {ngram for found in counts.values() for ngram in found}
    scores = {}
    for code, found in counts.items():
        total, scores[code] = sum(found.values()) + len(vocabulary), Fraction(1)
        for ngram in ngrams(line):
            if ngram in vocabulary:
                scores[code] *= Fraction(found.get(ngram, 0) + 1, total)
    best = max(scores.values())
    winners = [code for code, score in scores.items() if score == best]
    return winners[0] if len(winners) == 1 else None


WORDS = st.lists(st.sampled_from(["kat", "Katze", "дом", "huis", "Haus", "Ω", "12"]), max_size=5).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_a_classifier_is_naive_bayes(lines):
    counts = count(TEXTS)
    assert classifier(counts)(lines) == [slow(counts, line) for line in lines]


def test_nothing_known_is_undetermined():
    identify = classifier(count(TEXTS))
    assert identify(["Ω", "", "een kat"]) == [None, None, "nl"]
    assert identify([]) == []


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3)))
def test_the_likeliest_is_alone(scores):
    found = likeliest(scores)
    best = min(scores.values(), default=None)
    assert found == (
        next(code for code in scores if scores[code] == best) if [*scores.values()].count(best) == 1 else None
    )


def by_first_letter(lines):
    return [{"n": "nl", "d": "de", "e": "en"}.get(line[:1]) for line in lines]


def test_what_is_counted_by_hand():
    hypotheses = ["n 1", "d 2", "", " ", "e 3", "?", "n 4", "n 5"]
    found = counted(hypotheses, ["n", "n", "n", "d"], "nl", by_first_letter, ["nl", "de", "en"])
    assert found == {
        "lines": 8,
        "empty": 2,
        "undetermined": 1,
        "identified": {"de": 1, "en": 1, "nl": 3},
        "off_target": 2 / 6,
        "identified_references": 3 / 4,
    }
    assert counted(["", " "], ["n"], "nl", by_first_letter, ["nl", "de"])["off_target"] is None
    unknown = counted(["n"], ["n"], "fr", by_first_letter, ["nl", "de"])
    assert (unknown["off_target"], unknown["identified_references"]) == (None, None)


class Library:
    """Stands for heliport's identifier: knows three languages, and lists them by score, lower first."""

    known = ("deu", "nld", "bar")

    def get_confidence_all(self):
        return dict.fromkeys(self.known, 0.0)

    def identify_topk_with_score(self, line, most):
        order = {"n": [("bar", 1.0), ("nld", 2.0), ("deu", 3.0)], "d": [("deu", 1.0), ("nld", 1.5), ("bar", 2.0)]}
        return order.get(line[:1], [("zxx", 7.0)])[:most]


@pytest.fixture
def library(monkeypatch):
    """heliport, as if it were installed."""
    monkeypatch.setitem(sys.modules, "heliport", SimpleNamespace(Identifier=Library, __spec__="here"))
    monkeypatch.setattr(heliport, "find_spec", lambda name: name)


def test_heliport_judges_among_the_runs_languages(library):
    identify, known = IDENTIFIERS["heliport"].open(["nl", "de", "sr", "hr", "qa"], None, heliport_codes={})
    assert known == ["nl", "de"], "it cannot tell Serbian from Croatian, and no invented language"
    assert identify(["n", "d", "123"]) == ["nl", "de", None]
    identify, known = IDENTIFIERS["heliport"].open(["nl", "by"], None, heliport_codes={"by": "bar"})
    assert (known, identify(["n"])) == (["nl", "by"], ["by"])
    with pytest.raises(UserError, match=r"score.heliport_codes.ha: heliport knows no language hau; it knows bar, deu"):
        IDENTIFIERS["heliport"].open(["nl", "ha"], None, heliport_codes={"ha": "hau"})


def told(codes=("en", "de", "nl"), **score):
    made = config(score=score, languages={"table": "config/languages/ec30.tsv", "codes": list(codes)})
    return Run.from_config(complete(made, SCHEMA), ROOT)


def test_heliport_is_refused_where_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(heliport, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"heliport is not installed; `.* -m pip install heliport`"):
        told(language_identification="heliport")


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ({"heliport_codes": {"de": "deu"}}, "score.heliport_codes: language_identification own takes none"),
        ({"language_identification": "none", "identification_lines": 9}, "identification_lines: .* none takes none"),
        (
            {"language_identification": "heliport", "heliport_codes": {"fr": "fra"}},
            "score.heliport_codes: fr is none of the run's languages",
        ),
        (
            {"language_identification": "heliport", "heliport_codes": {"de": "eng", "nl": "eng"}},
            "heliport knows too few of en, de, nl by these codes",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(library, score, message):
    with pytest.raises(UserError, match=message):
        told(**score)


def test_heliports_codes_are_of_three_letters():
    assert {len(code) for code in heliport.CODES.values()} == {3}
    assert {len(code) for code in heliport.CODES} == {2}
    assert heliport.labels(["en", "zh", "no"], {}) == {"eng": "en", "cmn": "zh", "nob": "no"}
    assert heliport.labels(["no", "nb", "qa_x"], {}) == {}


def test_what_a_run_does(library):
    own, other, off = told(), told(language_identification="heliport"), told(language_identification="none")
    assert (own.scoring.identifier, other.scoring.identifier, off.scoring.identifier) == ("own", "heliport", "")
    assert own.scoring.learned == ["results/test/data/identifier.json"]
    assert other.scoring.learned == off.scoring.learned == []
    assert own.scoring.identification == {"language_identification": "own", "identification_lines": 5000}
    assert {one.scoring.unidentified for one in (own, other, off)} == {""}
    assert off.work.identified == []
    assert len(own.work.all_jobs_of_identification) == 2
    assert "results/test/scores/ns/en-de.language.json" in own.outputs.artefacts
    assert not any("language.json" in path for path in off.outputs.artefacts)
    assert own.scoring.code_of_identification("off_target") != other.scoring.code_of_identification("off_target")


def test_a_run_without_training_text_has_none_to_learn_from(tmp_path):
    (tmp_path / "theirs/en-de").mkdir(parents=True)
    for role in ("hyp", "ref", "src"):
        (tmp_path / f"theirs/en-de/{role}.txt").write_text("ja\n")
    made = config(data={"source": "none"}, systems={"theirs": {"translations": str(tmp_path / "theirs")}})
    stage = Run.from_config(complete(made, SCHEMA), ROOT).scoring
    assert (stage.identifier, stage.learned) == ("", [])
    assert stage.unidentified == "own learns languages from training text, of which this run has none"
    frame = tables.directions(rows({"theirs": {"en-de": 3}}))
    means = checks.means(frame, "en", {"off_target": stage.unidentified})
    (section,) = checks.sections(frame, means, [])
    assert section.remarks == [f"off-target % is not defined: {stage.unidentified}."]


def test_columns_means_and_remarks():
    scores = {"ns": {"en-nl": 20, "en-de": 20, "nl-en": 9}, "dense": {"en-nl": 20, "en-de": 20, "nl-en": 9}}
    frame = tables.directions([*rows(scores), *rows(scores, "chrF++")])
    share = {"ns": {"en-nl": 0.5, "en-de": 0.1, "nl-en": 0.0}, "dense": {"en-nl": 0.02, "en-de": 0.0, "nl-en": None}}
    right = {"en-nl": 1.0, "en-de": 0.9, "nl-en": 1.0}
    known = [
        {"test_set": "test", "system": system, "pair": pair, "off_target": value, "identified_references": right[pair]}
        for system, values in share.items()
        for pair, value in values.items()
    ]
    full = rates.added(frame, known)
    assert list(full.columns) == [*frame.columns, *rates.COLUMNS]
    assert len(full) == len(frame)
    table = checks.means(full, "en").set_index(["measure", "system"])
    assert table.loc[("off_target", "ns"), ["O2M", "M2O", "directions"]].tolist() == [pytest.approx(0.3), 0, 3]
    assert table.loc[("off_target", "dense"), "directions"] == 2
    (section,) = checks.sections(full, checks.means(full, "en"), ["dense"])
    assert section.header == ["system", "off-target % O2M", "M2O", "references % O2M", "M2O"]
    assert section.rows == [["ns", "30.0", "0.0", "95.0", "100.0"], ["dense", "1.0", "–", "95.0", "100.0"]]
    assert section.remarks == [
        "Off-target rates mean little where few references are told to be in their language: en-de 90.0 %.",
        "Off target, ns: en-nl 50.0 % of the hypotheses are in another language of the run.",
    ]


@pytest.fixture
def learned(command, tiny_run, tmp_path):
    path = tmp_path / "identifier.json"
    command("identifier", "--data", tiny_run.manifest, "--output", path).ok()
    return path


def test_invented_languages_are_learned_from_the_runs_own_text(command, tiny_run, learned, tmp_path):
    """References stand for hypotheses: of en-qa in the right language, of en-xi copies of the source."""
    before = learned.read_bytes()
    assert set(json.loads(before)["learned"]) == {"en", "qa", "qe", "xi"}
    inode = learned.stat().st_ino
    assert "current" in command("identifier", "--data", tiny_run.manifest, "--output", learned).ok().out
    assert learned.stat().st_ino == inode
    command("identifier", "--data", tiny_run.manifest, "--output", learned, "--identification-lines", 30).ok()
    assert learned.read_bytes() != before
    command("identifier", "--data", tiny_run.manifest, "--output", learned).ok()
    assert learned.read_bytes() == before, "the same text gives the same bytes"

    raw = tiny_run.folder / "data/raw"
    folder = tmp_path / "translations"
    folder.mkdir()
    for code, role in (("qa", "hyp"), ("qa", "ref")):
        (folder / f"en-qa.{role}.txt").write_text((raw / f"test.en-qa.{code}").read_text())
    for code, role in (("en", "hyp"), ("xi", "ref")):
        (folder / f"en-xi.{role}.txt").write_text((raw / f"test.en-xi.{code}").read_text())
    arguments = ("--pairs", "en-qa,en-xi", "--languages", "en,qa,qe,xi", "--output", tmp_path / "scores")

    def run(*options):
        files = [tmp_path / f"scores/{pair}.language.json" for pair in ("en-qa", "en-xi")]
        inodes = [path.stat().st_ino if path.exists() else None for path in files]
        command("off_target", folder, *arguments, "--learned", learned, *options).ok()
        changed = [path.stat().st_ino != inode for path, inode in zip(files, inodes, strict=True)]
        return [json.loads(path.read_text()) for path in files], changed

    (qa, xi), _ = run()
    assert qa["off_target"] <= 0.1
    assert qa["identified_references"] >= 0.9
    assert xi["off_target"] == 1
    assert xi["identified"] == {"en": 12}
    assert xi["identified_references"] >= 0.9
    assert run()[1] == [False, False]
    (folder / "en-xi.hyp.txt").write_text((raw / "test.en-xi.xi").read_text())
    (_, xi), changed = run()
    assert changed == [False, True]
    assert xi["off_target"] <= 0.1
    command("identifier", "--data", tiny_run.manifest, "--output", learned, "--identification-lines", 60).ok()
    assert run()[1] == [True, True], "what was learned decides"


def test_what_was_not_learned_is_asked_for(command, tmp_path):
    missing = command("off_target", tmp_path, "--pairs", "en-nl", "--languages", "en,nl", "--output", tmp_path)
    assert missing.code == 2
    assert "--learned does not exist: own learns from training text (step `identifier`)" in missing.err


def test_missing_rates_and_those_of_another_direction_are_refused(tmp_path):
    from workflow_scripts.direction import Direction

    known = {"news": {"ns": [Direction("en", "nl")]}}
    with pytest.raises(UserError, match=r"ns/news/en-nl.language.json does not exist: identify the languages of ns"):
        list(rates.read(tmp_path, known))
    (tmp_path / "ns/news").mkdir(parents=True)
    (tmp_path / "ns/news/en-nl.language.json").write_text('{"pair": "nl-en"}')
    with pytest.raises(UserError, match=r"en-nl.language.json is of nl-en"):
        list(rates.read(tmp_path, known))


def test_the_tables_command_reads_them(command, tmp_path):
    (tmp_path / "languages.tsv").write_text("code\tname\tfamily\tscript\ttier\nen\tE\tG\tL\t\nnl\tN\tG\tL\thigh\n")
    (tmp_path / "scores/ns").mkdir(parents=True)
    entry = {"name": "BLEU", "text": "raw", "score": 3.0, "signature": "s", "length_ratio": 1, "brevity_penalty": 1}
    (tmp_path / "scores/ns/en-nl.json").write_text(json.dumps([entry]))
    found = {"pair": "en-nl", "off_target": 0.25, "identified_references": 0.99}
    (tmp_path / "scores/ns/en-nl.language.json").write_text(json.dumps(found))
    arguments = (
        *("tables", "--results", tmp_path, "--languages", tmp_path / "languages.tsv", "--run", "trial"),
        *("--rows", json.dumps({"test": {"ns": ["en-nl"]}}), "--output", tmp_path / "tables"),
    )
    command(*arguments, "--language-identification", "own").ok()
    directions = pd.read_csv(tmp_path / "tables/directions.csv")
    assert directions[rates.COLUMNS].to_numpy().tolist() == [[0.25, 0.99]]
    assert "Off target, ns: en-nl 25.0 %" in (tmp_path / "tables/summary.md").read_text()
    command(*arguments, "--unidentified", "no text").ok()
    assert "off_target" not in pd.read_csv(tmp_path / "tables/directions.csv")
    text = (tmp_path / "tables/summary.md").read_text()
    assert "- off-target % is not defined: no text." in text
    command("report", tmp_path / "tables", "--config", '{"run": "trial"}', "--benchmarks", tmp_path / "none",
            "--output", tmp_path / "report.html").ok()  # fmt: skip
    page = (tmp_path / "report.html").read_text()
    assert "off-target % is not defined: no text." in page
    assert "nan" not in page
