"""Test sets: prepared with the run's vocabulary, every line kept, digests of what came; training knows none of it."""

from __future__ import annotations

import gzip
import json
import shutil

import pytest

from tests.conftest import ROOT, synthetic
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.corpus.prepared_set import read_prepared
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256

PAIR = Direction("en", "qa")


@pytest.fixture
def text(tiny_run, tmp_path):
    """The test text of the tiny run as a folder of one's own."""
    folder = tmp_path / "text"
    folder.mkdir()
    for path in (tiny_run.folder / "data/raw").glob("test.*"):
        shutil.copyfile(path, folder / path.name)
    return folder


STRAIGHT = ("--settings", '{"punctuation": true}')


@pytest.fixture
def prepare(tiny_run, command, tmp_path):
    """`prepare(folder, …)` prepares a test set `own`; its manifest comes back."""

    def run(*options, pairs="en-qa,en-xi", data=tiny_run.manifest, output="own"):
        done = command(
            *("test_set", "--name", "own", "--pairs", pairs, "--data", data, "--output", tmp_path / output, *options)
        )
        return done, tmp_path / output / "manifest.json"

    return run


def test_the_manifest_has_digests_of_the_data_and_of_the_raw_lines(tiny_run, prepare, text):
    done, path = prepare("--folder", text, *STRAIGHT)
    done.ok()
    made = read_prepared(path, read_manifest(tiny_run.manifest))
    before = made.made_of(PAIR)
    assert (made.name, made.split, made.folder.name) == ("own", "test", "bin")
    assert made.made_of(PAIR.reverse) == before
    source, reference = made.lines(PAIR.reverse)
    assert reference == (text / "test.en-qa.en").read_text(encoding="utf-8").splitlines()
    assert len(source) == len(reference) == made.content["pairs"]["en-qa"]["lines"] == 12
    # Curly quotes are straightened: the model reads the same, and what scores compare with is another text.
    lines = (text / "test.en-qa.qa").read_text(encoding="utf-8").splitlines()
    (text / "test.en-qa.qa").write_text("".join(f"“{line}”\n" for line in lines), encoding="utf-8")
    prepare("--folder", text, *STRAIGHT)[0].ok()
    curly = read_prepared(path, read_manifest(tiny_run.manifest)).made_of(PAIR)
    (text / "test.en-qa.qa").write_text("".join(f'"{line}"\n' for line in lines), encoding="utf-8")
    prepare("--folder", text, *STRAIGHT)[0].ok()
    straight = read_prepared(path, read_manifest(tiny_run.manifest)).made_of(PAIR)
    assert curly["data"] == straight["data"] != before["data"]
    assert curly["raw"]["en"] == straight["raw"]["en"] == before["raw"]["en"]
    assert len({made["raw"]["qa"] for made in (before, curly, straight)}) == 3


def test_packed_text_and_another_place_are_the_same_test_set(prepare, text, tmp_path):
    prepare("--folder", text)[1].read_text()
    for path in list(text.iterdir()):
        (tmp_path / "packed").mkdir(exist_ok=True)
        (tmp_path / "packed" / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    again = prepare("--folder", tmp_path / "packed", output="again")[1]
    assert again.read_bytes() == (tmp_path / "own/manifest.json").read_bytes()
    for path in (tmp_path / "own").rglob("*.*"):
        assert (tmp_path / "again" / path.relative_to(tmp_path / "own")).read_bytes() == path.read_bytes()


def test_both_directions_and_multi_parallel_files_are_prepared_once(prepare, text):
    for language in ("en", "qa", "xi"):
        source = "en-xi" if language == "xi" else "en-qa"
        (text / f"{language}.txt").write_bytes((text / f"test.{source}.{language}").read_bytes())
    for path in text.glob("test.*"):
        path.unlink()
    done, path = prepare("--folder", text, "--split", "test", pairs="en-qa,qa-en,qa-xi")
    done.ok()
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content["pairs"]) == ["en-qa", "qa-xi"]
    assert sorted(found.name for found in (path.parent / "text").iterdir()) == ["en.txt", "qa.txt", "xi.txt"]
    assert (path.parent / "bin/test.qa-xi.xi.idx").exists()


def test_what_stands_in_the_training_text_is_counted_and_said(tiny_run, prepare, text):
    clean = tiny_run.folder / "data/clean"
    unseen = json.loads(prepare("--folder", text, "--training", clean)[1].read_text(encoding="utf-8"))
    assert unseen["pairs"]["en-qa"]["contamination"] == {"en": 0, "qa": 0, "either": 0}
    known = (clean / "train.en-xi.en").read_text(encoding="utf-8").splitlines()[:3]
    lines = (text / "test.en-qa.en").read_text(encoding="utf-8").splitlines()
    (text / "test.en-qa.en").write_text("".join(f"{line}\n" for line in [*known, *lines[3:]]), encoding="utf-8")
    done, path = prepare("--folder", text, "--training", clean)
    found = json.loads(path.read_text(encoding="utf-8"))["pairs"]
    assert found["en-qa"]["contamination"] == {"en": 3, "qa": 0, "either": 3}
    assert found["en-xi"]["contamination"]["either"] == 0
    assert "en-qa: 3 of 12 lines stand in the training text" in done.out
    assert json.loads(prepare("--folder", text)[1].read_text())["pairs"]["en-qa"]["contamination"] is None


def test_bad_text_is_refused_with_its_line(prepare, text):
    (text / "test.en-xi.xi").write_text("\n" * 12)
    done, path = prepare("--folder", text)
    assert done.code == 2
    assert "test.en-xi.xi, line 1: is empty" in done.err
    assert not path.exists()


def linked(tiny_run, command, tmp_path, *options, folder=None):
    """The tiny data as a ready data-bin, which has the test split too."""
    databin, manifest = tmp_path / "databin", tmp_path / "linked.json"
    shutil.copytree(tiny_run.manifest.parent / "bin", databin)
    shutil.copytree(tiny_run.test_set.parent / "bin", databin, dirs_exist_ok=True)
    command(
        *("link_databin", "--folder", databin, "--pairs", "en-qa,en-xi", "--codes", "en,qa,qe,xi"),
        *("--tokenization", "moses", "--output", manifest, *options),
    ).ok()
    return databin, manifest


def test_the_default_test_set_of_a_given_databin_is_its_own(tiny_run, command, prepare, tmp_path):
    databin, data = linked(tiny_run, command, tmp_path)
    assert read_manifest(data).fingerprint
    done, path = prepare(data=data, pairs="qa-en,en-xi")
    done.ok()
    made = read_prepared(path, read_manifest(data))
    assert made.folder == databin
    assert made.lines(PAIR) is None
    assert made.made_of(PAIR)["raw"] is None
    assert list(made.content["pairs"]) == ["en-qa", "en-xi"]
    own = read_prepared(tiny_run.test_set, read_manifest(tiny_run.manifest))
    assert made.made_of(PAIR)["data"] == own.made_of(PAIR)["data"]
    (databin / "test.en-xi.xi.bin").unlink()
    done, _ = prepare(data=data)
    assert done.code == 2
    assert "test.en-xi.xi.bin is missing: pair en-xi needs test data" in done.err
    prepare("--split", "valid", data=data)[0].ok()
    assert read_prepared(path, read_manifest(data)).split == "valid"


def test_text_for_a_given_databin_needs_its_sentencepiece_model(tiny_run, command, prepare, text, tmp_path):
    done, path = prepare("--folder", text, data=linked(tiny_run, command, tmp_path)[1])
    assert done.code == 2
    assert "name it in data.sentencepiece.model" in done.err
    assert not path.exists()


def test_text_for_a_moses_tokenized_databin_is_tokenized_too(tiny_run, command, prepare, text, tmp_path):
    model = tiny_run.manifest.parent / "sentencepiece.model"
    data = linked(tiny_run, command, tmp_path, "--sentencepiece", model)[1]
    (text / "test.en-qa.en").write_text("The well-known king's “dog” sang.\n" * 12, encoding="utf-8")
    done, path = prepare("--folder", text, *STRAIGHT, data=data)
    done.ok()
    made = read_prepared(path, read_manifest(data))
    assert made.lines(PAIR)[0] == ['The well @-@ known king \'s " dog " sang .'] * 12
    raw = made.made_of(PAIR)["raw"]["en"]
    (text / "test.en-qa.en").write_text('The well-known king\'s "dog" sang.\n' * 12, encoding="utf-8")
    prepare("--folder", text, *STRAIGHT, data=data)
    other = read_prepared(path, read_manifest(data))
    assert other.lines(PAIR) == made.lines(PAIR)
    assert other.made_of(PAIR)["raw"]["en"] != raw


def test_manifests_of_another_version_or_dictionary_are_refused(tiny_run, prepare, text, tmp_path):
    manifest = read_manifest(tiny_run.manifest)
    path = prepare("--folder", text)[1]
    content = json.loads(path.read_text(encoding="utf-8"))
    for changes, words in (
        ({"format": 1}, "another version of this project: move the run's results away"),
        ({"dictionary_sha256": "x"}, "prepared with another dictionary"),
    ):
        path.write_text(json.dumps(content | changes))
        with pytest.raises(UserError, match=words):
            read_prepared(path, manifest)
    old = tmp_path / "old.json"
    old.write_text(json.dumps({**manifest.content, "format": 1}))
    with pytest.raises(UserError, match="another version"):
        read_manifest(old)


def test_asking_for_other_test_lines_changes_no_other_text(command, tmp_path):
    """Nor does drawing a split alone."""
    table = ROOT / "config/languages/synthetic.tsv"
    sizes = {"train": {"high": 60, "medium": 40, "low": 20}, "valid": 10, "test": 15}

    def draw(name, **changes):
        wanted = {split: size for split, size in (sizes | changes).items() if size}
        fixed = ("--languages", table, "--pairs", "en-qa,en-xi", "--seed", 3)
        command("make_text", *fixed, *synthetic(wanted), "--output", tmp_path / name).ok()
        return {path.name: sha256(path) for path in (tmp_path / name).iterdir()}

    together = draw("together")
    assert len(together) == 12
    more = draw("more", test=40)
    assert {name for name in together if together[name] != more[name]} == {
        name for name in together if name.startswith("test")
    }
    assert draw("training", test=0) | draw("alone", train=0, valid=0) == together
