"""From a pretrained model's folder and a folder of text to neuron specialization, and back into transformers."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from tests import pretrained_models as made
from tests.conftest import call, synthetic
from tests.workflow.conftest import SMALL, Flow
from workflow_scripts.artifacts import read_translations
from workflow_scripts.formats.transformers_read import read_model

PAIRS = ("en-qa", "qa-en")
TABLE = """code\tname\tfamily\tscript\ttier\ttag
en\tEnglish\tGermanic\tLatin\t\teng_Latn
qa\tQalen\tQuenic\tLatin\thigh\tzul_Latn
"""
SUMMARY, NS = "results/small/tables/summary.csv", "results/small/systems/ns/checkpoint.pt"


def config_of(**checkpoint: str) -> dict:
    config = copy.deepcopy(SMALL)
    config |= {"languages": {"table": "languages.tsv"}, "text": "text", "data": {"source": "text"}}
    config["baseline"] = {"checkpoint": checkpoint}
    config["systems"] = {"baseline": {}, "ns": {"masks": {"select": "cumulative", "k": 90}}}
    config["score"] = {"significance": {"bootstrap": 0, "randomization": 0}, "language_identification": "none"}
    return config


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with text, a language table and `nllb`, whose pieces are those of the text."""
    folder = tmp_path_factory.mktemp("pretrained")
    (folder / "languages.tsv").write_text(TABLE, encoding="utf-8")
    sizes = {"train": {"high": 100}, "valid": 12, "test": 8}
    call(
        *("make_text", "--languages", folder / "languages.tsv", "--pairs", "en-qa"),
        *synthetic(sizes),
        *("--seed", 5, "--output", folder / "text"),
    ).ok()
    lines = [line for path in sorted((folder / "text").glob("train.*")) for line in path.read_text().splitlines()]
    made.make_nllb(folder / "nllb", lines, size=120, max_position_embeddings=128, decoder_ffn_dim=48)
    return folder


@pytest.fixture(scope="module")
def done(start: Path) -> Flow:
    """The finished run."""
    flow = Flow(start).configure(config_of(transformers="nllb"))
    flow.run(SUMMARY)
    return flow


def test_the_vocabulary_is_the_models(done):
    lines = (done.folder / "results/small/data/dict.txt").read_text(encoding="utf-8").splitlines()
    assert "__en__ 1" in lines
    assert "__qa__ 1" in lines
    assert "__zul_Latn__ 1" not in lines
    assert "__deu_Latn__ 1" in lines
    assert len(lines) + 4 == len(read_model(done.folder / "nllb").weights["decoder.output_projection.weight"])


@pytest.mark.parametrize("system", ["baseline", "ns"])
def test_it_translates_in_transformers_as_in_the_run(done, command, monkeypatch, system):
    monkeypatch.chdir(done.folder)
    command("export", "--run", "small", "--system", system, "--format", "transformers").ok()
    folder = done.folder / f"results/small/export/{system}/transformers/all"
    if system == "baseline":
        theirs, ours = read_model(done.folder / "nllb"), read_model(folder)
        assert all(torch.equal(tensor, ours.weights[name]) for name, tensor in theirs.weights.items())
    lines = (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(folder)
    names: dict = {}
    exec(compile(lines, "README.md", "exec"), names)  # noqa: S102 - they are what is tested
    for pair in PAIRS:
        source, target = pair.split("-")
        rows = read_translations(done.folder / f"results/small/translations/{system}/{pair}.parquet")[0]
        text = done.folder / f"results/small/data/tests/test/text/test.en-qa.{source}"
        found = names["translate"](text.read_text(encoding="utf-8").splitlines(), source, target)
        assert found == [row["hypothesis"] for row in rows]


def test_nothing_is_made_again_and_other_weights_make_another_baseline(done):
    assert done.plan(SUMMARY) == {}
    path = done.folder / "nllb/model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    jobs = done.plan(SUMMARY)
    path.write_bytes(content)
    assert {"given_baseline", "record", "specialize"} <= set(jobs)
    assert not {"pretrained_vocabulary", "binarize", "clean"} & set(jobs)


def test_with_its_own_tokenizer_it_has_its_own_tags(done, command, monkeypatch):
    from transformers import AutoTokenizer

    monkeypatch.chdir(done.folder)
    for pair in ((), ("--pair", "en-qa")):
        given = ("--run", "small", "--system", "ns", *pair, "--format", "transformers", "--original", "nllb")
        command("export", *given, "--output", "out").ok()
        tokenizer = AutoTokenizer.from_pretrained("out", src_lang="zul_Latn")
        assert tokenizer("a").input_ids[0] == tokenizer.convert_tokens_to_ids("zul_Latn")
        lines = (done.folder / "out/README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
        names: dict = {}
        with monkeypatch.context() as inside:
            inside.chdir("out")
            exec(compile(lines, "README.md", "exec"), names)  # noqa: S102 - they are what is tested
            text = done.folder / "results/small/data/tests/test/text/test.en-qa.en"
            more = () if pair else ("en", "qa")
            found = names["translate"](text.read_text(encoding="utf-8").splitlines(), *more)
        rows = read_translations(done.folder / "results/small/translations/ns/en-qa.parquet")[0]
        assert found == [row["hypothesis"] for row in rows]
