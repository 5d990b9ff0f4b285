"""An engine that a test alone registers: one module and one line, and it decodes, translates and is checked."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import CODES, DIRECTIONS, ROOT
from tests.test_configuration import SCHEMA
from workflow_scripts import configuration, registry, source_code
from workflow_scripts.artifacts import read_translations
from workflow_scripts.batch import FORMAT
from workflow_scripts.configuration import complete
from workflow_scripts.engines import ENGINES
from workflow_scripts.engines.engine import Engine
from workflow_scripts.errors import UserError
from workflow_scripts.files import write_json
from workflow_scripts.run import Run

MODULE = '''
"""Says what it is told, backwards or not."""

from workflow_scripts.engines.engine import Engine
from workflow_scripts.engines.hypothesis import Hypothesis

CODE = ("engines.engine", "engines.hypothesis")


class Copy:
    def __init__(self, backwards):
        self.step = -1 if backwards else 1

    def nbest(self, sources, pair, count):
        return [[Hypothesis(list(tokens)[:: self.step], -float(rank)) for rank in range(count)] for tokens in sources]


ENGINE = Engine(
    summary="the source",
    open=lambda model, search, place, backwards: Copy(backwards),
    options={"backwards": {"type": "boolean", "default": False, "description": "Last piece first."}},
)
'''


@pytest.fixture
def module(monkeypatch, tmp_path) -> Path:
    """The module's file; its one line is in the registry."""
    path, find, where = tmp_path / "copy_engine.py", registry.import_module, source_code.path_of
    path.write_text(MODULE, encoding="utf-8")

    def load(name: str):
        if name != "workflow_scripts.engines.copy_engine":
            return find(name)
        spec = importlib.util.spec_from_file_location("copy_engine", path)
        spec.loader.exec_module(made := importlib.util.module_from_spec(spec))
        return made

    monkeypatch.setitem(ENGINES.modules, "copy", "engines.copy_engine")
    monkeypatch.setattr(registry, "import_module", load)
    monkeypatch.setattr(source_code, "path_of", lambda name: path if name == "engines.copy_engine" else where(name))
    yield path
    clear()


def clear() -> None:
    """Nothing that was read of sources is remembered."""
    for cached in (source_code.step_digest, source_code.declared, source_code._module_digest):
        cached.cache_clear()


@pytest.fixture
def decode(tiny_run, command, tmp_path):
    def run(*options, engine="copy"):
        files = ("--data", tiny_run.manifest, "--test-set", tiny_run.test_set, "--checkpoint", tiny_run.checkpoint)
        rest = ("--output", tmp_path / "out", "--pairs", "en-qa", "--device", "cpu", "--max-length", 15, "--beam", 2)
        return command("decode", "--system", "baseline", "--engine", engine, *files, *rest, *options)

    return run


def test_it_decodes(module, decode, tmp_path):
    decode().ok()
    rows, metadata = read_translations(tmp_path / "out/en-qa.parquet")
    assert len(rows) == 12
    assert all(row["hypothesis"] == row["source"] and row["score"] == 0 for row in rows)
    assert (metadata["engine"], metadata["backwards"]) == ("copy", False)
    assert "all current" in decode().ok().out
    assert "all current" not in decode("--backwards", "true").ok().out
    assert read_translations(tmp_path / "out/en-qa.parquet")[0] != rows


def test_its_code_and_no_other_engines_makes_its_translations_stale(module, decode, monkeypatch):
    decode().ok()
    where = source_code.path_of

    def changed(name: str) -> None:
        other = module.with_name("other.py")
        other.write_text(f"{where(name).read_text(encoding='utf-8')}\nCHANGED = True\n", encoding="utf-8")
        monkeypatch.setattr(source_code, "path_of", lambda asked: other if asked == name else where(asked))
        clear()

    for name in ("fairseq_plugin.beam_search", "engines.ctranslate2_beam", "engines.ctranslate2_engine"):
        changed(name)
        assert "all current" in decode().ok().out, name
    changed("engines.copy_engine")
    assert "all current" not in decode().ok().out


def test_another_version_of_its_packages_makes_its_translations_stale(decode, monkeypatch):
    decode(engine="ctranslate2").ok()
    monkeypatch.setattr(Engine, "versions", lambda engine: dict.fromkeys(engine.packages, "another"))
    assert "all current" not in decode(engine="ctranslate2").ok().out
    monkeypatch.setattr(Engine, "versions", lambda engine: dict.fromkeys(engine.packages))
    refused = decode(engine="ctranslate2")
    assert refused.code == 2
    assert "engine ctranslate2 needs ctranslate2, not installed here: install it, or choose another" in refused.err


def test_what_an_engine_cannot_decode_is_refused_with_those_that_can(module, decode):
    refusing = MODULE.replace(
        "    summary=", "    refuses=lambda architecture: [architecture.activation],\n    summary="
    )
    module.write_text(refusing, encoding="utf-8")
    refused = decode()
    assert refused.code == 2
    assert "engine copy cannot decode system baseline (relu): choose another decode.engine (fairseq, ctranslate2)" in (
        refused.err
    )


def test_it_translates_lines_with_the_runs_settings(module, tiny_run, command, monkeypatch, tmp_path):
    results = tmp_path / "results/tiny"
    shutil.copytree(tiny_run.folder / "data", results / "data")
    (results / "baseline").mkdir()
    shutil.copyfile(tiny_run.checkpoint, results / "baseline/checkpoint.pt")
    chosen = {"run": "tiny", "languages": {"table": "", "codes": CODES}, "systems": {"baseline": {}}}
    settings = complete(chosen | {"decode": {"engine": "copy", "backwards": True}}, SCHEMA)
    write_json(results / "configuration.json", {"format": FORMAT, "configuration": settings})
    monkeypatch.chdir(tmp_path)
    line = (tiny_run.folder / "data/raw/test.en-qa.en").read_text(encoding="utf-8").splitlines()[0]
    Path("in").write_text(f"{line}\n\n", encoding="utf-8")

    def translate(*options: object):
        return command("translate", "--run", "tiny", "--system", "baseline", "--pair", "en-qa", "in", *options)

    backwards = translate().ok().out
    assert backwards.splitlines()[1] == ""
    assert sorted(backwards.replace(" ", "")) == sorted(f"{line}\n\n".replace(" ", ""))
    assert translate("--backwards", "false").ok().out == translate("--engine", "copy").ok().out == f"{line}\n\n"
    two = [json.loads(text) for text in translate("--nbest", 2, "--format", "jsonl").ok().out.splitlines()]
    assert [one["score"] for one in two[0]["translations"]["baseline"]] == [0.0, -1.0]
    by_fairseq = translate("--engine", "fairseq", "--device", "cpu").ok().out
    assert by_fairseq.splitlines()[0] not in ("", line)
    refused = translate("--engine", "fairseq", "--compute-type", "int8")
    assert (refused.code, refused.out) == (2, "")
    assert "engine fairseq takes no --compute-type: add --engine ctranslate2" in refused.err


def config(**decode):
    codes = {"table": str(ROOT / "config/languages/synthetic.tsv"), "codes": CODES, "directions": DIRECTIONS}
    return complete(
        {
            "run": "r",
            "languages": codes,
            "systems": {"baseline": {}},
            "data": {"source": "synthetic"},
            "decode": decode,
        },
        SCHEMA,
    )


def test_the_configuration_takes_its_name_and_its_options(module):
    run = Run.from_config(config(engine="copy", backwards=True), ROOT)
    assert run.search_of()["backwards"] is True
    assert "compute_type" not in run.search_of()
    assert run.code_of_search != Run.from_config(config(), ROOT).code_of_search
    assert "backwards" not in Run.from_config(config(engine="ctranslate2"), ROOT).search_of()


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_gives_its_options_defaults(name):
    assert ENGINES.settings(name, {}).keys() == ENGINES[name].options.keys()


def test_options_of_another_engine_are_refused():
    checked = config(engine="fairseq", compute_type="int8")
    with pytest.raises(UserError, match=r"decode\.compute_type: engine fairseq takes none, it belongs to ctranslate2"):
        configuration.check(checked, CODES)
    configuration.check(config(engine="fairseq", compute_type="float32"), CODES)


def test_an_unknown_engine_raises_and_lists_the_known_ones(decode):
    with pytest.raises(UserError, match="there is no engine marian; there are fairseq, ctranslate2"):
        ENGINES["marian"]
    refused = decode(engine="marian")
    assert refused.code == 2
