"""Checkpoints: what is refused (and never run), what is read, and that plain fairseq reads what is written."""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import subprocess
import sys
from argparse import Namespace
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT, call
from workflow_scripts.artifacts import read_translations
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.formats import checkpoint
from workflow_scripts.formats.peek import peek


class Evil:
    """Unpickled, it makes a file."""

    def __init__(self, marker) -> None:
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.fixture
def raw(tiny_run):
    return checkpoint.read_raw(tiny_run.checkpoint)


def with_content(manifest: Manifest, **changes) -> Manifest:
    return replace(manifest, content={**manifest.content, **changes})


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
@pytest.mark.parametrize("place", ["model", "elsewhere"])
def test_a_checkpoint_that_would_run_code_is_refused_and_does_not(save, place, raw, tmp_path):
    marker, path = tmp_path / "was-here", tmp_path / "evil.pt"
    save({**raw, place: Evil(marker)} if save is torch.save else {place: Evil(marker)}, path)
    with pytest.raises(UserError, match=re.escape(str(path))):
        checkpoint.read_checkpoint(path)
    assert not marker.exists()
    # The trap is a real one: without restriction it snaps.
    with path.open("rb") as file:
        torch.load(file, weights_only=False) if save is torch.save else pickle.load(file)  # noqa: S301
    assert marker.exists()


def test_the_refusal_says_what_is_foreign(raw, tmp_path):
    torch.save({**raw, "extra": Evil(tmp_path / "x")}, tmp_path / "evil.pt")
    with pytest.raises(UserError, match=r"holds objects of posix\.mkdir, which could run code"):
        checkpoint.read_checkpoint(tmp_path / "evil.pt")


@pytest.mark.parametrize("kept", [0, 10, 5000, -100])
def test_a_truncated_file_is_refused(kept, tiny_run, tmp_path):
    (tmp_path / "half.pt").write_bytes(tiny_run.checkpoint.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"half\.pt is not loaded: it is damaged"):
        checkpoint.read_checkpoint(tmp_path / "half.pt")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_but_never_a_traceback(data, tiny_run, tmp_path):
    content = bytearray(tiny_run.checkpoint.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        # The head holds the pickled part, the tail the zip file's directory.
        place = data.draw(st.one_of(st.integers(0, 20000), st.integers(len(content) - 5000, len(content) - 1)))
        content[place] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged.pt").write_bytes(content)
    with contextlib.suppress(UserError):
        checkpoint.read_raw(tmp_path / "damaged.pt")


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    (tmp_path / "text.pt").write_text("Hello")
    with pytest.raises(UserError, match=r"text\.pt"):
        checkpoint.read_checkpoint(tmp_path / "text.pt")
    with pytest.raises(UserError, match=r"gone\.pt does not exist"):
        checkpoint.read_checkpoint(tmp_path / "gone.pt")
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    for name in ("list", "other"):
        with pytest.raises(UserError, match=rf"{name}\.pt is not a fairseq checkpoint: it has no `model`"):
            checkpoint.read_checkpoint(tmp_path / f"{name}.pt")
    torch.save({"model": {}}, tmp_path / "bare.pt")
    with pytest.raises(UserError, match="does not say what its model looks like"):
        checkpoint.read_checkpoint(tmp_path / "bare.pt")


def test_another_dictionary_is_refused(tiny_run, tmp_path):
    manifest = read_manifest(tiny_run.manifest)
    words = manifest.dictionary.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "dict.txt").write_text("".join(words[:-3]), encoding="utf-8")
    other = with_content(manifest, dictionary=str(tmp_path / "dict.txt"))
    count = len(words) + 4 + 4
    with pytest.raises(UserError, match=rf"it has {count} symbols, .*dict\.txt with 4 language tags has {count - 3}"):
        transformer.load_model(tiny_run.checkpoint, other)


@pytest.mark.parametrize("languages", [["en", "qe", "qa", "xi"], ["en", "qa", "qe"]])
def test_another_language_list_is_refused(languages, tiny_run):
    other = with_content(read_manifest(tiny_run.manifest), languages=languages)
    with pytest.raises(UserError, match="was trained with languages en,qa,qe,xi, the data has " + ",".join(languages)):
        transformer.load_model(tiny_run.checkpoint, other)


def test_another_architecture_is_refused(raw, tiny_run, tmp_path):
    manifest = read_manifest(tiny_run.manifest)
    for change, message in [
        (lambda model: model.pop("decoder.layers.1.fc2.weight"), r"no decoder\.layers\.1\.fc2\.weight"),
        (lambda model: model.update({"adapter.weight": torch.zeros(2)}), r"unknown adapter\.weight"),
        (lambda model: model.pop("encoder.embed_tokens.weight"), "not an encoder-decoder Transformer"),
        (
            lambda model: model.update({"decoder.layers.0.fc1.weight": torch.zeros(3, 3)}),
            "does not hold the model its settings describe: .*",
        ),
    ]:
        model = dict(raw["model"])
        change(model)
        torch.save({**raw, "model": model}, tmp_path / "other.pt")
        with pytest.raises(UserError, match=message):
            transformer.load_model(tmp_path / "other.pt", manifest)


def test_old_style_settings_and_half_precision_are_read(raw, tiny_run, tmp_path):
    model = {name: weights.half() if weights.is_floating_point() else weights for name, weights in raw["model"].items()}
    torch.save({"model": model, "args": Namespace(**vars(raw["cfg"]["model"]))}, tmp_path / "old.pt")
    found = checkpoint.read_checkpoint(tmp_path / "old.pt")
    assert found.languages == ["en", "qa", "qe", "xi"]
    assert all(weights.dtype == torch.float32 for weights in found.state.values() if weights.is_floating_point())
    loaded, _, _ = transformer.load_model(tmp_path / "old.pt", read_manifest(tiny_run.manifest))
    assert not loaded.training
    assert loaded.decoder.output_projection.weight is loaded.decoder.embed_tokens.weight


def test_published_names_and_stale_copies(raw, tiny_run, tmp_path):
    """As the published code writes them: renamed weights, copies of an older state, no output projection."""
    model = {}
    for name, weights in raw["model"].items():
        linear = re.search(r"(fc1|fc2|[qkv]_proj|out_proj)\.weight$", name)
        model[name.replace("weight", "global_weight") if linear else name] = weights
    del model["decoder.output_projection.weight"]
    for layer in range(2):
        for name in ("fc1", "fc2"):
            stale = torch.full_like(raw["model"][f"encoder.layers.{layer}.{name}.weight"], 9.0)
            model[f"encoder.layers.{layer}.{name}_weight"] = stale
        model[f"encoder.layers.{layer}.in_proj_weight"] = torch.full((48, 16), 9.0)
    torch.save({**raw, "model": model}, tmp_path / "published.pt")
    manifest = read_manifest(tiny_run.manifest)
    ours, theirs = (
        transformer.load_model(path, manifest)[0] for path in (tiny_run.checkpoint, tmp_path / "published.pt")
    )
    for (name, one), (_, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize(
    ("trained", "found", "message"),
    [
        ("a" * 64, "b" * 64, "under masks with digest aaaaaaaaaaaa and is given masks with digest bbbbbbbbbbbb"),
        ("a" * 64, None, "under masks with digest aaaaaaaaaaaa and is given no masks"),
    ],
)
def test_other_masks_than_those_it_was_trained_under_are_refused(trained, found, message, tiny_run):
    one = replace(checkpoint.read_checkpoint(tiny_run.checkpoint), provenance={"masks": trained})
    with pytest.raises(UserError, match=message):
        checkpoint.refuse_other_masks(one, found)
    checkpoint.refuse_other_masks(one, trained)


def test_a_checkpoint_that_says_nothing_of_masks_takes_any(tiny_run):
    one = checkpoint.read_checkpoint(tiny_run.checkpoint)
    assert one.provenance["masks"] is None
    checkpoint.refuse_other_masks(one, "a" * 64)
    checkpoint.refuse_other_masks(replace(one, provenance={}), None)


def test_what_is_published_has_its_history_and_no_optimizer(raw, tiny_run):
    work = tiny_run.folder / "baseline/run/checkpoint_last.pt"
    assert raw["last_optimizer_state"] is None
    assert checkpoint.read_raw(work)["last_optimizer_state"] is not None
    made = raw[checkpoint.PROVENANCE]
    assert made["system"] == "baseline"
    assert (made["update"], made["updates"]) == (8, 8)
    assert made["pairs"] == tiny_run.directions
    assert made["data"] == read_manifest(tiny_run.manifest).fingerprint
    assert tiny_run.checkpoint.stat().st_size < work.stat().st_size / 2


def test_equal_content_is_published_as_equal_bytes(tiny_run, tmp_path):
    """However often training was interrupted (an entry of history each), and by which settings it was to end then."""
    work = checkpoint.read_raw(tiny_run.folder / "baseline/run/checkpoint_last.pt")
    one, other = tmp_path / "one.pt", tmp_path / "other.pt"
    torch.save(work, one)
    config = deepcopy(work["cfg"])
    config["optimization"]["max_update"] = config["model"].max_update = 4
    filled = {name: torch.full_like(tensor, 7.0) for name, tensor in work["model"].items() if "_float_tensor" in name}
    assert filled
    history = [{"num_updates": 4}, {"num_updates": 6}, *work["optimizer_history"]]
    changed = {"cfg": config, "optimizer_history": history, "model": work["model"] | filled}
    torch.save(work | changed | {"extra_state": {"previous_training_time": 5.0}}, other)
    for path in (one, other):
        checkpoint.publish(path, path, {"system": "x"}, {"max_update": 8})
    assert one.read_bytes() == other.read_bytes()


def test_a_models_identity_is_its_weights_architecture_and_languages(raw, tiny_run, tmp_path):
    expected = checkpoint.identity(tiny_run.checkpoint)

    def identity_with(**changes):
        model = dict(reversed(raw["model"].items())) | changes.pop("model", {})
        args = Namespace(**vars(raw["cfg"]["model"]) | changes)
        torch.save({"model": model, "args": args, "optimizer_history": []}, tmp_path / "x.pt")
        return checkpoint.identity(tmp_path / "x.pt")

    name = "decoder.layers.1.fc2.bias"
    # Another file, another order, another history: counters, copies for the fast path, where it was trained.
    stale = {"encoder.layers.0.fc1_weight": torch.zeros(2), "encoder.version": torch.tensor([9.0])}
    assert identity_with() == expected
    assert identity_with(model=stale, save_dir="elsewhere", max_update=99, num_workers=7) == expected
    nudged = raw["model"][name].clone()
    nudged[0] = torch.nextafter(nudged[0], torch.tensor(9.0))
    assert identity_with(model={name: nudged}) != expected
    assert identity_with(model={name: raw["model"][name].double()}) != expected
    assert identity_with(model={name: raw["model"][name][None]}) != expected
    # The same weights in another model.
    assert identity_with(encoder_attention_heads=1) != expected
    assert identity_with(langs="qa,en,qe,xi") != expected
    with pytest.raises(UserError, match=r"gone\.pt does not exist"):
        checkpoint.identity(tmp_path / "gone.pt")


def test_tied_half_and_scalar_weights_have_a_digest():
    tied = torch.ones(2, 3)
    state = {"a": tied, "b": tied.t(), "c": torch.ones(2, dtype=torch.bfloat16), "d": torch.tensor(1.5)}
    assert checkpoint.weights_digest(state) == checkpoint.weights_digest({**state, "b": torch.ones(3, 2)})
    assert checkpoint.weights_digest(state) != checkpoint.weights_digest({**state, "c": torch.ones(2).half()})


def test_a_checkpoint_is_peeked_into_without_its_weights_and_without_running_anything(raw, tiny_run, tmp_path):
    found = peek(tiny_run.checkpoint)
    assert found[checkpoint.PROVENANCE] == raw[checkpoint.PROVENANCE]
    assert found["optimizer_history"] == raw["optimizer_history"]
    assert set(found["model"]) == set(raw["model"])
    assert vars(found["cfg"]["model"]) == vars(raw["cfg"]["model"])
    torch.save({**raw, "extra": Evil(tmp_path / "was-here")}, tmp_path / "evil.pt")
    assert peek(tmp_path / "evil.pt")[checkpoint.PROVENANCE] == raw[checkpoint.PROVENANCE]
    assert not (tmp_path / "was-here").exists()
    (tmp_path / "half.pt").write_bytes(tiny_run.checkpoint.read_bytes()[:5000])
    assert peek(tmp_path / "half.pt") == peek(tmp_path / "gone.pt") == peek(tmp_path) == {}
    torch.save([1], tmp_path / "list.pt")
    assert peek(tmp_path / "list.pt") == {}


def test_a_runs_own_checkpoint_of_an_older_version_is_refused(raw, tiny_run, tmp_path):
    torch.save({**raw, checkpoint.PROVENANCE: {"system": "baseline", "masks": None}}, tmp_path / "old.pt")
    with pytest.raises(
        UserError, match=r"old\.pt was made by another version .*format 1, not 2.*to train again, remove"
    ):
        transformer.load_model(tmp_path / "old.pt", read_manifest(tiny_run.manifest))
    # What is from elsewhere says nothing of the kind.
    foreign = {key: value for key, value in raw.items() if key != checkpoint.PROVENANCE}
    torch.save(foreign, tmp_path / "foreign.pt")
    transformer.load_model(tmp_path / "foreign.pt", read_manifest(tiny_run.manifest))


def test_plain_fairseq_generates_with_our_checkpoint_and_says_the_same(tiny_run, tmp_path):
    """`fairseq-generate` with `--user-dir` on the written checkpoint, against the decode command."""
    manifest = read_manifest(tiny_run.manifest)
    plain = subprocess.run(
        [
            *(sys.executable, "-m", "workflow_scripts.fairseq_plugin", "generate", f"{tiny_run.test_set.parent}/bin"),
            *("--path", str(tiny_run.checkpoint), "--cpu"),
            *("--user-dir", str(ROOT / "workflow_scripts/fairseq_plugin"), "--task", "translation_multi_simple_epoch"),
            *("--langs", ",".join(manifest.languages), "--lang-pairs", ",".join(tiny_run.directions)),
            *("--source-lang", "en", "--target-lang", "qa", "--encoder-langtok", "src", "--decoder-langtok"),
            *("--gen-subset", "test", "--beam", "3", "--max-tokens", "500", "--remove-bpe", "sentencepiece"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert plain.returncode == 0, plain.stderr[-2000:]
    theirs = {int(m[1]): m[2] for m in re.finditer(r"^H-(\d+)\t\S+\t(.*)$", plain.stdout, re.MULTILINE)}
    call(
        *("decode", "--system", "baseline", "--data", tiny_run.manifest, "--test-set", tiny_run.test_set),
        *("--checkpoint", tiny_run.checkpoint, "--beam", 3, "--max-tokens", 500, "--device", "cpu"),
        *("--pairs", "en-qa", "--output", tmp_path),
    ).ok()
    ours = {row["id"]: row["hypothesis"] for row in read_translations(tmp_path / "en-qa.parquet")[0]}
    assert len(ours) == 12
    assert ours == theirs
