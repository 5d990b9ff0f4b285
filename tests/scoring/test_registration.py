"""A metric that is registered by a test alone, one module and one line, goes through everything that reads metrics."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.scoring.test_current import WORKER
from tests.test_configuration import SCHEMA, config
from workflow_scripts import schema, source_code
from workflow_scripts.configuration import complete
from workflow_scripts.errors import UserError
from workflow_scripts.run import Run
from workflow_scripts.scoring import metrics
from workflow_scripts.scoring.metrics import METRICS

MODULE = '''
"""How far hypotheses are from the references in their numbers of words."""

from __future__ import annotations

import numpy as np

from workflow_scripts.scoring.metric import Counted, Scorer

CODE = ("scoring.metric",)


class LengthError(Scorer):
    """Words too many or too few, per 100 words of the references."""

    def __init__(self, count):
        self.count, self.signature = count, f"nrefs:1|count:{count}|version:1"

    def statistics(self, hypotheses, references):
        size = len if self.count == "characters" else (lambda text: len(text.split()))
        return np.array([(abs(size(ours) - size(ref)), size(ref)) for ours, ref in zip(hypotheses, references)])

    def score(self, sums):
        return 100 * sums[0] / sums[1]


METRIC = Counted(
    summary="words too many or too few",
    name="LengthError",
    unit="words per 100",
    digits=2,
    higher_is_better=False,
    scorer=lambda language, length_of: LengthError(length_of),
    options={
        "length_of": {"enum": ["words", "characters"], "default": "words", "description": "What is counted."}
    },
)
'''
REFERENCES = ["een kat zit op de mat", "de hond rent weg", "ja", "het is een rood huis", "de boom is groot"]
TEXTS = {
    "ns": ["een kat zit op de mat", "de hond rent", "ja", "het is een rood huis", "de boom is groot"],
    "baseline": ["een kat", "hond", "ja ja ja", "het is", "boom"],
}
SOURCES = ["x"] * 5


NEURAL = '''
"""A neural metric without references."""

from workflow_scripts.scoring.metric import Learned, learned_option

CODE = ("scoring.comet_worker", "scoring.metric")
METRIC = Learned(
    summary="quality without references",
    name="Estimate",
    digits=3,
    options={"estimate": learned_option("Quality estimation.", "Its model.")},
    required="estimate.model",
    environment="comet",
    worker="workflow_scripts.scoring.comet_worker",
    reads=("src", "mt"),
)
'''


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """The metrics `length` and `estimate`, in modules that lie elsewhere."""
    path_of, modules = source_code.path_of, {"length": MODULE, "estimate": NEURAL}
    for name, text in modules.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.setitem(METRICS.modules, name, name)
        monkeypatch.delitem(sys.modules, f"workflow_scripts.scoring.metrics.{name}", raising=False)
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    elsewhere = {f"scoring.metrics.{name}": tmp_path / f"{name}.py" for name in modules}
    monkeypatch.setattr(source_code, "path_of", lambda module: elsewhere.get(module) or path_of(module))
    forget()
    yield tmp_path
    forget()


def forget():
    for cached in (source_code.step_digest, source_code.declared, source_code._module_digest):
        cached.cache_clear()


def settings(**score):
    return complete(config(score={"metrics": ["bleu", "length"], **score}), SCHEMA)


def test_the_schema_and_the_run_know_it(registered):
    rules = schema.load(SCHEMA)["properties"]["score"]["properties"]
    assert "length" in rules["metrics"]["items"]["enum"]
    assert "length - words too many or too few" in rules["metrics"]["description"]
    assert rules["length_of"]["description"] == "(length) What is counted."
    stage = Run.from_config(settings(length_of="characters"), ROOT).scoring
    assert stage.names == ["BLEU", "LengthError"]
    assert stage.settings["length_of"] == stage.test_settings["length_of"] == "characters"
    with pytest.raises(UserError, match=r"score.metrics.0: 'chrf' is not one of \['bleu', 'chrf\+\+', .*'length'"):
        complete(config(score={"metrics": ["chrf"]}), SCHEMA)


def test_its_code_counts_where_it_is_used_and_only_there(registered):
    def digests():
        forget()
        runs = [Run.from_config(made, ROOT).scoring for made in (settings(), settings(metrics=["bleu"]))]
        return [[run.code_of(step) for step in ("score", "significance", "tables", "report")] for run in runs]

    before = digests()
    path = registered / "length.py"
    path.write_text(path.read_text().replace("100 *", "1000 *"))
    with_it, without = digests()
    assert all(now != then for now, then in zip(with_it, before[0], strict=True))
    assert without == before[1]


def test_it_is_scored_tested_tabulated_drawn_and_reported(registered, command, tmp_path):
    pairs = ("en-nl", "en-de", "nl-en", "de-en")
    for system, hypotheses in TEXTS.items():
        # Five lines could not win however different: one swap of 32 is the real one, and one its reverse.
        hypotheses, references, sources = ([*lines] * 4 for lines in (hypotheses, REFERENCES, SOURCES))
        sources = [f"{line} {number}" for number, line in enumerate(sources)]
        folder = tmp_path / "translations" / system
        folder.mkdir(parents=True)
        for pair in pairs:
            for role, lines in (("hyp", hypotheses), ("ref", references), ("src", sources)):
                (folder / f"{pair}.{role}.txt").write_text("".join(f"{line}\n" for line in lines))
        options = ("--metrics", "bleu", "length", "--length-of", "words", "--output", tmp_path / "scores" / system)
        command("score", folder, "--pairs", ",".join(pairs), *options).ok()
    entries = {one["name"]: one for one in json.loads((tmp_path / "scores/baseline/en-nl.json").read_text())}
    assert entries["LengthError"]["score"] == pytest.approx(100 * (4 + 3 + 2 + 3 + 3) / (6 + 4 + 1 + 5 + 4))
    assert entries["LengthError"]["signature"] == "nrefs:1|count:words|version:1"

    command(
        *("significance", "--system", "ns", "--against", "baseline", "--pairs", ",".join(pairs), "--seed", 1),
        *("--ours", tmp_path / "scores/ns", "--theirs", tmp_path / "scores/baseline", "--metrics", "bleu", "length"),
        *("--bootstrap", 0, "--randomization", 200, "--output", tmp_path / "significance/baseline/ns"),
    ).ok()
    tests = json.loads((tmp_path / "significance/baseline/ns/en-nl.json").read_text())["results"]
    (test,) = (one for one in tests if one["name"] == "LengthError")
    assert test["against_score"] == pytest.approx(75)
    assert test["signature"] == "nrefs:1|ar:200|seed:1|count:words|version:1"
    assert test["p"] < 0.05

    options = ("--metrics", "bleu", "length", "--bootstrap", 0, "--randomization", 200)
    languages = tmp_path / "languages.tsv"
    languages.write_text(
        "code\tname\tfamily\tscript\ttier\nen\tEnglish\tG\tLatin\t\nnl\tDutch\tG\tLatin\thigh\nde\tGerman\tG\tLatin\tlow\n"
    )
    command(
        *("significance_means", "--system", "ns", "--against", "baseline", "--pairs", ",".join(pairs), "--seed", 1),
        *("--ours", tmp_path / "scores/ns", "--theirs", tmp_path / "scores/baseline", *options),
        *("--texts", tmp_path / "translations/ns", "--languages", languages),
        *("--output", tmp_path / "significance/baseline/ns/means.json"),
    ).ok()
    every = {system: list(pairs) for system in TEXTS}
    tables = tmp_path / "tables"
    command(
        *("tables", "--results", tmp_path, "--rows", json.dumps({"test": every}), "--metrics", "bleu", "length"),
        *("--tested", json.dumps({"baseline": {"test": {"ns": list(pairs)}}}), "--languages", languages),
        *("--against", "baseline", "--run", "trial", "--output", tables),
    ).ok()
    means = pd.read_csv(tables / "means.csv").set_index(["metric", "tier", "type"])
    assert means.loc[("LengthError", "All", "Avg"), ["difference", "outcome"]].tolist() == [-70, "win"]
    wins = pd.read_csv(tables / "wins.csv").set_index("metric")
    assert wins.loc["LengthError", "wins"] == 4, "a lower score is better"
    assert "## LengthError, lower is better (text as it is)" in (tables / "summary.md").read_text()
    assert "75.00" in (tables / "summary.md").read_text(), "with its digits"

    command(
        *("figures_scores", tables, "--against", "baseline", "--metrics", "BLEU", "LengthError"),
        *("--languages", languages, "--output", tmp_path / "figures"),
    ).ok()
    figure = tmp_path / "figures/scores-by-language-LengthError.svg"
    command(
        *("report", tables, "--figures", figure, "--config", '{"run": "trial"}', "--against", "baseline"),
        *("--benchmarks", tmp_path / "none", "--output", tmp_path / "report.html"),
    ).ok()
    text = (tmp_path / "report.html").read_text()
    assert '<span class="delta up">−70.00</span>' in text
    assert '<span class="win">5.00</span>' in text


def test_a_neural_metric_has_its_settings_files_and_texts(registered, command, tmp_path):
    stage = Run.from_config(settings(metrics=["bleu"], estimate={"model": "a/b", "gpus": 2}), ROOT).scoring
    assert stage.names == ["BLEU", "Estimate"]
    assert stage.files("ns", "test", "en-nl")[2:] == [
        "results/test/scores/ns/en-nl.estimate.json",
        "results/test/scores/ns/en-nl.estimate.parquet",
    ]
    assert stage.model_settings("estimate")["gpus"] == 2
    only = Run.from_config(settings(metrics=["estimate"], estimate={"model": "a/b"}), ROOT)
    assert only.work.counted == []
    assert [metric for metric, _ in only.work.learned] == ["estimate"]
    assert {path.rpartition(".")[0].rpartition("/")[2] for path in only.outputs.scores if "en-nl" in path} == {
        "en-nl.estimate",
        "en-nl.language",
    }

    python = tmp_path / "python"
    python.write_text(WORKER.format(python=sys.executable).replace('one["ref"]', 'one["src"]'))
    python.chmod(0o755)
    folder = tmp_path / "translations"
    folder.mkdir()
    for role, lines in (("src", SOURCES), ("hyp", ["x", "y", "x", "x", "y"])):
        (folder / f"en-nl.{role}.txt").write_text("".join(f"{line}\n" for line in lines))
    options = ("--metric", "estimate", "--model", "a/b", "--python", python, "--output", tmp_path / "scores")
    command("score_comet", folder, "--pairs", "en-nl", *options).ok()
    (entry,) = json.loads((tmp_path / "scores/en-nl.estimate.json").read_text())
    assert (entry["name"], entry["score"]) == ("Estimate", 0.6)
    assert entry["signature"] == "model:b|nrefs:0|version:9"
