"""COMET through the real library: a tiny random model, made here, in COMET's own environment."""

import json
import subprocess

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from workflow_scripts.files import sha256

PYTHON = ROOT / ".venv-comet" / "bin" / "python"
pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="COMET's environment is not there: python3 envs/create.py comet"
)
SOURCES = ["the cat sat on the mat", "a dog ran", "the mat"]
REFERENCES = ["de kat zat op de mat", "een hond rende", "de mat"]
HYPOTHESES = ["mat mat", "", "een kat"]


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comet")
    subprocess.run([PYTHON, ROOT / "tests/scoring/make_comet.py", folder], check=True, capture_output=True)
    return folder / "model"


def write_outputs(folder):
    """Plain translations in two directions, as a user has them."""
    for pair, texts in (("en-nl", (SOURCES, HYPOTHESES, REFERENCES)), ("nl-en", (REFERENCES, SOURCES, SOURCES))):
        target = folder / "ours" / pair
        target.mkdir(parents=True)
        for role, lines in zip(("src", "hyp", "ref"), texts, strict=True):
            (target / f"{role}.txt").write_text("".join(f"{line}\n" for line in lines))


def test_the_rule_scores_with_a_local_model(model, tmp_path):
    write_outputs(tmp_path / "outputs")
    config = {
        "run": "trial",
        "outputs": str(tmp_path / "outputs"),
        "languages": {"table": "config/languages/ec30.tsv"},
        "data": {"source": "none"},
        "systems": {"ours": {"translations": "ours"}},
        "score": {"comet": {"model": str(model), "batch_size": 2}},
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    command = [ROOT / ".venv/bin/snakemake", "--snakefile", ROOT / "Snakefile", "--configfile", path, "--cores", "2"]
    target = "results/trial/tables/summary.csv"
    done = subprocess.run([*command, "--directory", tmp_path, target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    scores = tmp_path / "results/trial/scores/ours"
    (entry,) = json.loads((scores / "en-nl.comet.json").read_text())
    segments = pq.read_table(scores / "en-nl.comet.parquet").to_pylist()
    assert entry["name"] == "COMET"
    assert entry["text"] == "raw"
    assert entry["signature"].startswith("model:model|nrefs:1|version:2.")
    assert "|precision:fp32|python:3." in entry["signature"]
    assert entry["sha256"] == sha256(model / "checkpoints/model.ckpt")
    assert entry["sacrecomet"].endswith(f"|fp32|{model}|r1")
    assert [row["id"] for row in segments] == [0, 1, 2]
    assert entry["score"] == pytest.approx(sum(row["score"] for row in segments) / 3)
    assert [row["score"] for row in segments] == pytest.approx(predictions(model, HYPOTHESES), abs=1e-6)
    assert "COMET,raw,ours,All" in (tmp_path / target).read_text()


def predictions(model, hypotheses):
    """What the library itself says, asked without any of our code."""
    triples = [
        {"src": src, "mt": hyp, "ref": ref} for src, hyp, ref in zip(SOURCES, hypotheses, REFERENCES, strict=True)
    ]
    program = (
        "import json, sys; from comet import load_from_checkpoint as load;"
        "m = load(sys.argv[1]);"
        "print('scores', json.dumps(list(m.predict(json.loads(sys.argv[2]), batch_size=1, gpus=0,"
        " progress_bar=False).scores)))"
    )
    checkpoint = model / "checkpoints/model.ckpt"
    arguments = [PYTHON, "-c", program, checkpoint, json.dumps(triples)]
    said = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    return json.loads(next(line for line in said.splitlines() if line.startswith("scores"))[len("scores") :])


def test_a_model_that_is_not_there_is_refused(command, tmp_path):
    options = ("--pairs", "en-nl", "--output", tmp_path / "out", "--python", PYTHON)
    result = command("score_comet", tmp_path, *options, "--model", tmp_path / "missing.ckpt")
    assert result.code == 2
    assert "missing.ckpt" in result.err
    assert not (tmp_path / "out/en-nl.comet.json").exists()


def test_without_its_environment_the_user_is_told_how_to_make_it(command, tmp_path):
    options = ("--pairs", "en-nl", "--output", tmp_path, "--model", "m", "--python", tmp_path / "none")
    result = command("score_comet", tmp_path, *options)
    assert result.code == 2
    assert "python3 envs/create.py comet" in result.err
