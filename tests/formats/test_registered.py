"""Every format's way there and back, and a format that a test alone registers: one module and one line."""

from __future__ import annotations

import importlib.util
import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.test_configuration import SCHEMA
from workflow_scripts import registry, schema, source_code
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.corpus.symbols import read_symbols
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.formats import FORMATS, READABLE, checkpoint
from workflow_scripts.formats.architecture import Architecture, Component
from workflow_scripts.formats.fairseq_settings import architecture_of, settings_of
from workflow_scripts.formats.format import Exported

PAIR = Direction("en", "qa")
MODULE = '''
"""NumPy's archives, with the architecture as JSON in them."""

import json

import numpy as np

from workflow_scripts.formats.architecture import NamedModel
from workflow_scripts.formats.format import Format

CODE = ("formats.architecture", "formats.fairseq_settings", "formats.format")


def read(path):
    import torch

    from argparse import Namespace

    from workflow_scripts.formats.fairseq_settings import architecture_of

    with np.load(path) as file:
        settings = json.loads(str(file["settings"]))
        weights = {name: torch.from_numpy(file[name]) for name in file.files if name != "settings"}
    return NamedModel(architecture_of(Namespace(**settings)), weights)


def write(folder, exported, title):
    from workflow_scripts.formats.fairseq_settings import settings_of

    model = exported.model
    settings = json.dumps(settings_of(model.architecture))
    np.savez(folder / "model.npz", settings=settings, **{name: one.numpy() for name, one in model.weights.items()})
    return f"\\n## {title}\\n"


FORMAT = Format(
    summary="NumPy's archives",
    read=read,
    write=write,
    options={"title": {"type": "string", "default": "NumPy", "description": "What the README calls it."}},
    whole=True,
)
'''


@pytest.fixture
def module(monkeypatch, tmp_path) -> Path:
    """The module's file; its one line is in the registry."""
    path, find, where = tmp_path / "npz_format.py", registry.import_module, source_code.path_of
    path.write_text(MODULE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("npz_format", path)
    spec.loader.exec_module(made := importlib.util.module_from_spec(spec))
    monkeypatch.setitem(FORMATS.modules, "npz", "npz_format")
    monkeypatch.setattr(
        registry, "import_module", lambda name: made if name == "workflow_scripts.formats.npz_format" else find(name)
    )
    monkeypatch.setattr(source_code, "path_of", lambda name: path if name == "formats.npz_format" else where(name))
    yield path
    for cached in (source_code.step_digest, source_code.declared, source_code._module_digest):
        cached.cache_clear()


@pytest.fixture(scope="module")
def exported(tiny_run) -> Exported:
    """The tiny baseline as any format takes it."""
    manifest = read_manifest(tiny_run.manifest)
    return Exported(
        system="baseline",
        model=FORMATS["fairseq"].read(tiny_run.checkpoint),
        symbols=read_symbols(manifest.dictionary, manifest.languages),
        manifest=manifest,
        pair=PAIR,
        rows=None,
        checkpoint="0" * 64,
        version="1",
        search={"beam": 5, "length_penalty": 1.0, "max_length": 60},
        directions=[PAIR],
        scores=[],
    )


def written(name: str, folder: Path, what: Exported) -> Path:
    """The file of the weights, written in a format with its defaults."""
    folder.mkdir()
    assert FORMATS[name].write(folder, what, **FORMATS.settings(name, {}))
    (path,) = [path for path in folder.iterdir() if path.suffix in (".pt", ".safetensors", ".npz")]
    return path


@pytest.mark.parametrize("name", [name for name in READABLE if FORMATS[name].write])
@pytest.mark.parametrize("shared", ["decoder", "all", "none"])
def test_what_is_written_is_read_as_it_was(exported, name, shared, tmp_path):
    weights = dict(exported.model.weights)
    if shared == "all":
        weights["encoder.embed_tokens.weight"] = weights["decoder.embed_tokens.weight"]
    if shared == "none":
        weights["decoder.output_projection.weight"] = weights["decoder.output_projection.weight"] + 1
    # As from no library: without fairseq's own settings.
    architecture = replace(exported.model.architecture, shared=shared)
    model = replace(exported.model, weights=weights, architecture=architecture, settings={})
    found = FORMATS[name].read(written(name, tmp_path / name, replace(exported, model=model)))
    assert found.architecture == architecture
    assert found.weights.keys() == weights.keys()
    assert all(torch.equal(found.weights[one], weights[one]) for one in weights)
    assert found.languages == exported.model.languages


def test_fairseqs_own_settings_are_kept_for_fairseq(exported, tmp_path):
    found = FORMATS["fairseq"].read(written("fairseq", tmp_path / "fairseq", exported))
    before, after = (vars(model.settings["model"]) for model in (exported.model, found))
    own = {"task", "arch", "source_lang", "target_lang", "lang_pairs", "langs", "langtoks", "data", "user_dir"}
    kept = before.keys() - own - {"_name", "masks_file"}
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}


def test_an_architecture_in_fairseqs_settings_and_back():
    one = Component(2, 16, 24, 4, True, True, "sinusoidal")
    other = replace(one, layers=3, ffn_dim=40, final_norm=False)
    for sides in ((one, other), (replace(one, pre_norm=False, final_norm=False),) * 2):
        for positions in ("sinusoidal", "learned", "none"):
            for shared in ("none", "decoder", "all"):
                encoder, decoder = (replace(side, positions=positions) for side in sides)
                made = Architecture(encoder, decoder, 32, 40, shared, "gelu", False, True, 0.1, 0.2, 0.3)
                assert architecture_of(Namespace(**settings_of(made))) == made


def test_the_published_naming_and_no_other(exported, tiny_run, tmp_path):
    path = written("published", tmp_path / "published", exported)
    raw = checkpoint.read_raw(path)["model"]
    assert "encoder.layers.0.fc1.global_weight" in raw
    assert "decoder.layers.1.encoder_attn.q_proj.global_weight" in raw
    assert {"encoder.embed_tokens.weight", "decoder.layers.0.fc1.bias"} <= raw.keys()
    assert "decoder.output_projection.weight" not in raw
    with pytest.raises(UserError, match="is no checkpoint of the published code"):
        FORMATS["published"].read(tiny_run.checkpoint)


def test_a_format_goes_through_export_and_comes_back_as_a_given_checkpoint(module, tiny_run, command, tmp_path):
    files = ("--data", tiny_run.manifest, "--checkpoint", tiny_run.checkpoint, "--output", tmp_path / "out")
    command("export", "--system", "baseline", "--format", "npz", "--title", "Arrays", *files).ok()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "npz", "sentencepiece.model"]
    text = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert text.startswith("# baseline, all directions\n")
    assert text.endswith("\n## Arrays\n")
    assert taken(command, tiny_run, tmp_path / "out/npz/model.npz", "npz", tmp_path / "given.pt")


def taken(command, tiny_run, path: Path, form: str, output: Path) -> bool:
    """Whether a file is taken as a given checkpoint, with the tiny baseline's weights, and is one of fairseq then."""
    source = json.dumps({"path": str(path), "format": form})
    command("given_checkpoint", "--source", source, "--name", "x", "--data", tiny_run.manifest, "--output", output).ok()
    ours, theirs = (checkpoint.read_checkpoint(file) for file in (output, tiny_run.checkpoint))
    same = checkpoint.weights_digest(ours.state) == checkpoint.weights_digest(theirs.state)
    return same and architecture_of(ours.args) == architecture_of(theirs.args)


def test_an_exported_transformers_model_is_taken_and_exported_for_stock_fairseq(tiny_run, command, tmp_path):
    import workflow_scripts.fairseq_plugin.compat  # noqa: F401  isort: skip
    from fairseq.checkpoint_utils import load_model_ensemble_and_task

    files = ("--data", tiny_run.manifest, "--output", tmp_path / "out")
    given = ("--checkpoint", tiny_run.checkpoint)
    command("export", "--system", "baseline", "--format", "transformers", *given, *files).ok()
    assert taken(command, tiny_run, tmp_path / "out/model.safetensors", "transformers", tmp_path / "given.pt")
    assert checkpoint.read_checkpoint(tmp_path / "given.pt").languages == ["en", "qa", "qe", "xi"]
    again = ("--checkpoint", tmp_path / "given.pt", "--pair", PAIR, "--format", "fairseq")
    command("export", "--system", "baseline", *again, *files).ok()
    (model,), _, task = load_model_ensemble_and_task(
        [str(tmp_path / "out/fairseq/checkpoint.pt")], arg_overrides={"data": str(tmp_path / "out/fairseq")}
    )
    assert task.source_dictionary.symbols[-1] == "__xi__"
    assert len(model.encoder.layers) == 2


def test_unknown_formats_and_those_that_are_not_read_raise_and_list_the_known_ones(tiny_run, command, tmp_path):
    with pytest.raises(UserError, match="there is no format onnx; there are fairseq, published, ctranslate2, tran"):
        FORMATS["onnx"]
    given = ("--name", "x", "--data", tiny_run.manifest, "--output", tmp_path / "x.pt")
    for name in ("onnx", "ctranslate2"):
        source = json.dumps({"path": str(tiny_run.checkpoint), "format": name})
        refused = command("given_checkpoint", "--source", source, *given)
        assert refused.code == 2
        assert f"there is no format that is read {name}; there are fairseq, published, transformers" in refused.err
    refused = command("export", "--system", "baseline", "--pair", PAIR, "--format", "onnx")
    assert (refused.code, "invalid choice: 'onnx'" in refused.err) == (2, True)
    chosen = schema.load(SCHEMA)["$defs"]["checkpoint"]["properties"]
    assert chosen["format"]["enum"] == ["fairseq", "published", "transformers"]
    assert list(chosen)[-1] == "format"


def test_a_model_that_a_format_cannot_hold_is_refused_with_those_that_can(tiny_run, command, tmp_path):
    raw = checkpoint.read_raw(tiny_run.checkpoint)
    raw["cfg"]["model"].activation_fn = "gelu"
    torch.save(raw, tmp_path / "gelu.pt")
    files = ("--data", tiny_run.manifest, "--checkpoint", tmp_path / "gelu.pt", "--output", tmp_path / "out")
    for name in ("ctranslate2", "transformers"):
        refused = command("export", "--system", "baseline", "--pair", PAIR, "--format", name, *files)
        assert refused.code == 2
        assert f"format {name} cannot hold this model (the activation gelu)" in refused.err
        assert "--format fairseq or published can" in refused.err
    refused = command("export", "--system", "x", "--pair", PAIR, "--format", "fairseq", "--license", "mit", *files)
    assert (refused.code, "--license belongs to --format transformers" in refused.err) == (2, True)
    assert not (tmp_path / "out").exists()
