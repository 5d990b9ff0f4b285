"""The data commands one after the other, on small synthetic text, on real text and on recorded data-bins."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.conftest import synthetic as made_of
from workflow_scripts.batch import FORMAT
from workflow_scripts.corpus import parallel, pieces
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.direction import Direction, joined
from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256

ROOT = Path(__file__).parents[2]
CLEAN = {"punctuation": True, "min_words": 1, "max_words": 256, "max_ratio": 3.0, "held_out": ["valid"]}
ALL = (*parallel.SPLITS, "test")
PIECES = {"character_coverage": 1.0, "temperature": 1.0, "sample": 10**6, "model": None, "dictionary": None}
# One word of many pieces.
LONG = "".join(Random(1).choices("sentcumbr", k=99))


def run(step, *arguments, code=0):
    """Run the step `step`, in this process; with `code` 2 it must refuse, and its message is returned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [step, *map(str, arguments)])
        main = importlib.import_module(f"workflow_scripts.steps.{step}").main
        if not code:
            return main()
        with pytest.raises(UserError) as caught:
            main()
        return str(caught.value)


def clean(text, pairs, output, **changes):
    for pair in pairs:
        settings = json.dumps(CLEAN | changes)
        run("clean", "--folder", text, "--pair", pair, "--pairs", ",".join(pairs), "--settings", settings,
            "--output", output / "clean")  # fmt: skip


def prepare(text, pairs, languages, output, max_pieces=254, held_out=("valid",), **settings):
    """Clean, train SentencePiece, binarize; prepare the test set."""
    clean(text, pairs, output, held_out=held_out)
    listed = ",".join(pairs)
    run("sentencepiece_model", "--folder", output / "clean", "--pairs", listed, "--settings",
        json.dumps(PIECES | settings), "--model", output / "spm.model", "--dictionary", output / "dict.txt"
    )  # fmt: skip
    run("binarize", "--folder", output / "clean", "--pairs", listed, "--codes", ",".join(languages),
        "--model", output / "spm.model", "--dictionary", output / "dict.txt", "--max-pieces", max_pieces,
        "--output", output)  # fmt: skip
    run("test_set", "--name", "test", "--folder", text, "--pairs", listed, "--data", output / "manifest.json",
        "--training", output / "clean", "--output", output / "tests/test")  # fmt: skip


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    """A finished data stage of two small pairs."""
    folder = tmp_path_factory.mktemp("data")
    sizes = {"train": {"high": 300, "medium": 200, "low": 100}, "valid": 20, "test": 20}
    pairs = ["en-qa", "en-xi"]
    table = ROOT / "config" / "languages" / "synthetic.tsv"
    run("make_text", "--languages", table, "--pairs", ",".join(pairs), *made_of(sizes), "--seed", 1,
        "--output", folder / "raw")  # fmt: skip
    run("check_text", "--folder", folder / "raw", "--pairs", ",".join(pairs), "--splits", "train,valid,test",
        "--output", folder / "c.json")  # fmt: skip
    prepare(folder / "raw", pairs, ["en", "qa", "xi"], folder, size=300)
    return folder


def read_back(prefix, dictionary):
    """Lines of a data-bin file, read by fairseq."""
    import workflow_scripts.fairseq_plugin.compat  # noqa: F401

    from fairseq.data import Dictionary, data_utils  # isort: skip

    words = Dictionary.load(str(dictionary))
    data = data_utils.load_indexed_dataset(str(prefix), words)
    return [words.string(data[i], "sentencepiece") for i in range(len(data))]


def folder_of(folder, split):
    """Where the data of a split lies, and its text (the synthetic needs no normalization)."""
    test = folder / "tests/test"
    return (test / "bin", test / "text") if split == "test" else (folder / "bin", folder / "clean")


def test_fairseq_reads_the_text_back(synthetic):
    for split in ALL:
        data, text = folder_of(synthetic, split)
        for language in ("en", "qa"):
            name = f"{split}.en-qa.{language}"
            lines = read_back(data / name, data / f"dict.{language}.txt")
            assert lines == (text / name).read_text(encoding="utf-8").splitlines()


def test_same_bytes_as_fairseq_preprocess(synthetic, tmp_path, monkeypatch):
    model = pieces.load_model(synthetic / "spm.model")
    for split in ALL:
        for language in ("en", "xi"):
            lines = parallel.read_lines(folder_of(synthetic, split)[1] / f"{split}.en-xi.{language}")
            text = "".join(" ".join(encoded) + "\n" for encoded in pieces.encode(model, lines))
            (tmp_path / f"{split}.{language}").write_text(text, encoding="utf-8")
    options = ["--source-lang", "en", "--target-lang", "xi", "--srcdict", synthetic / "dict.txt", "--destdir", "bin"]
    options += ["--tgtdict", synthetic / "dict.txt", *(f"--{split}pref={split}" for split in ALL)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["preprocess", *map(str, options)])
    importlib.import_module("workflow_scripts.fairseq_plugin.compat")
    importlib.import_module("fairseq_cli.preprocess").cli_main()
    made = sorted(path.name for path in (tmp_path / "bin").iterdir() if path.suffix in (".bin", ".idx"))
    assert len(made) == 12
    for name in [*made, "dict.xi.txt", "dict.en.txt"]:
        data = folder_of(synthetic, name.split(".")[0])[0]
        assert (tmp_path / "bin" / name).read_bytes() == (data / name).read_bytes(), name


def test_manifest(synthetic, tmp_path):
    manifest = json.loads((synthetic / "manifest.json").read_text())
    assert manifest["shards"] == ["bin"]
    assert manifest["languages"] == ["en", "qa", "xi"]
    assert manifest["dictionary_sha256"] == sha256(synthetic / manifest["dictionary"])
    assert (manifest["sentencepiece"], manifest["tokenization"]) == ("spm.model", "none")
    assert manifest["sentencepiece_sha256"] == sha256(synthetic / "spm.model")
    assert manifest["format"] == FORMAT
    linked = tmp_path / "manifest.json"
    run("link_databin", "--folder", synthetic / "bin", "--pairs", "en-xi,qa-en",
        "--codes", "en,qa,xi", "--tokenization", "moses", "--output", linked)  # fmt: skip
    again = json.loads(linked.read_text())
    assert again["pairs"] == ["en-xi", "en-qa"]
    assert again["fingerprint"] == manifest["fingerprint"]
    assert again["shards"] == [str(synthetic / "bin")]
    message = run("link_databin", "--folder", synthetic / "bin", "--pairs", "en-ze",
                  "--codes", "en,qa,xi", "--tokenization", "moses", "--output", linked, code=2)  # fmt: skip
    assert "train.en-ze.en.bin is missing" in message
    run("link_databin", "--folder", synthetic / "bin", "--pairs", "en-xi,qa-en",
        "--codes", "qa,en,xi", "--tokenization", "moses", "--output", linked)  # fmt: skip
    assert json.loads(linked.read_text())["fingerprint"] != manifest["fingerprint"]


def test_a_working_folder_can_be_moved_with_the_databin_in_it(synthetic, tmp_path, monkeypatch):
    """The copy went on with the data of the place it was copied from."""
    shutil.copytree(synthetic / "bin", tmp_path / "here/databin")
    monkeypatch.chdir(tmp_path / "here")
    run("link_databin", "--folder", "databin", "--pairs", "en-xi", "--codes", "en,qa,xi", "--tokenization", "none",
        "--output", "results/run/data/manifest.json")  # fmt: skip
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    found = read_manifest(tmp_path / "there/results/run/data/manifest.json")
    assert found.shards == [(tmp_path / "there/databin").resolve()]
    assert found.dictionary == (tmp_path / "there/databin/dict.en.txt").resolve()


def test_the_same_again_gives_the_same_bytes(synthetic, tmp_path):
    prepare(synthetic / "raw", ["en-qa", "en-xi"], ["en", "qa", "xi"], tmp_path, size=300)
    for path in sorted(synthetic.rglob("*")):
        place = path.relative_to(synthetic)
        if path.is_file() and place.parts[0] not in ("raw", "c.json"):
            assert (tmp_path / place).read_bytes() == path.read_bytes(), place


def test_filters_are_counted_and_test_lines_stay(tmp_path):
    text = tmp_path / "text"
    text.mkdir()
    train = [(f"sentence number {i}", f"satz nummer {i}") for i in range(300)]
    train += [
        train[0],
        ("", "leer"),
        ("one", "eins zwei drei vier"),
        ("A  test!", "etwas ganz anderes"),
        (LONG, "y"),
    ]
    held = [("A test", "Ein Test"), ("A “second” one", "Ein zweiter"), ("A test", "Ein Test")]
    for split, lines in {"train": train, "valid": held, "test": held}.items():
        for side, language in enumerate(("en", "de")):
            (text / f"{split}.en-de.{language}").write_text("".join(line[side] + "\n" for line in lines))
    prepare(text, ["en-de"], ["en", "de"], tmp_path, max_pieces=60, size=50)
    with (tmp_path / "filters.csv").open(newline="") as file:
        rows = {(row["split"], row["filter"]): (int(row["before"]), int(row["kept"])) for row in csv.DictReader(file)}
    assert rows == {
        ("train", "empty"): (305, 304),
        ("train", "length"): (304, 304),
        ("train", "ratio"): (304, 303),
        ("train", "duplicate"): (303, 302),
        ("train", "held_out"): (302, 301),
        ("train", "pieces"): (301, 300),
        ("valid", "none"): (3, 3),
    }
    assert (tmp_path / "clean" / "valid.en-de.en").read_text() == 'A test\nA "second" one\nA test\n'
    valid, test = (folder_of(tmp_path, split)[0] / f"{split}.en-de.en" for split in ("valid", "test"))
    assert read_back(valid, tmp_path / "dict.txt") == read_back(test, tmp_path / "dict.txt")
    assert (tmp_path / "tests/test/text/test.en-de.en").read_text() == "A test\nA “second” one\nA test\n"
    assert len(read_back(tmp_path / "bin" / "train.en-de.en", tmp_path / "dict.txt")) == 300


def test_nothing_left_is_refused(tmp_path):
    for split in ALL:
        for language in ("en", "de"):
            (tmp_path / f"{split}.en-de.{language}").write_text("Same.\n")
    message = run("clean", "--folder", tmp_path, "--pair", "en-de", "--pairs", "en-de", "--settings",
                  json.dumps(CLEAN), "--output", tmp_path / "out", code=2)  # fmt: skip
    assert "no train line is left of 1" in message
    assert "'held_out': 1" in message
    assert not list((tmp_path / "out").iterdir())


def test_bad_text_is_refused_by_the_command(tmp_path):
    output = tmp_path / "checked.json"
    splits = ["--splits", "train,valid"]
    message = run("check_text", "--folder", "", "--pairs", "en-de", *splits, "--output", output, code=2)
    assert "text is not set" in message
    command = [sys.executable, "-m", "workflow_scripts.steps.check_text", "--folder", tmp_path, "--pairs", "en-de"]
    command += splits
    done = subprocess.run([*command, "--output", output], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the text cannot be used:")
    assert "train.en-de.en" in done.stderr
    assert not output.exists()


def test_recorded_databin_is_reproduced(shared, tmp_path):
    """Same text, model and dictionary as the recorded data-bin: the same bytes in all its files."""
    recorded = shared / "reference-tiny"
    pairs = [Direction("en", code) for code in ("nl", "af", "es", "pt", "ru")]
    listed = joined(pairs)
    folder = tmp_path / "clean"
    folder.mkdir()
    for pair in pairs:
        splits = {}
        for split in ALL:
            for path in parallel.find(recorded / "text", split, pair):
                with gzip.open(path) as packed, (folder / path.stem).open("wb") as file:
                    shutil.copyfileobj(packed, file)
            count = sum(1 for _ in parallel.read_lines(folder / path.stem))
            splits[split] = [{"filter": "none", "before": count, "kept": count}]
        (folder / f"{pair}.json").write_text(json.dumps({"splits": splits}))
    model, dictionary = recorded / "text" / "spm4k.model", recorded / "text" / "dict.txt"
    given = json.dumps(PIECES | {"size": 4000, "model": str(model)})
    run("sentencepiece_model", "--folder", folder, "--pairs", listed, "--settings", given,
        "--model", tmp_path / "spm.model", "--dictionary", tmp_path / "dict.txt")  # fmt: skip
    assert (tmp_path / "dict.txt").read_bytes() == dictionary.read_bytes()
    run("binarize", "--folder", folder, "--pairs", listed, "--codes", "en,nl,af,es,pt,ru",
        "--model", tmp_path / "spm.model", "--dictionary", tmp_path / "dict.txt",
        "--max-pieces", 1000, "--output", tmp_path)  # fmt: skip
    run("test_set", "--name", "test", "--folder", folder, "--pairs", listed, "--data", tmp_path / "manifest.json",
        "--settings", '{"punctuation": false}', "--output", tmp_path / "tests/test")  # fmt: skip
    for path in (recorded / "data-bin").iterdir():
        made = folder_of(tmp_path, path.name.split(".")[0])[0]
        assert (made / path.name).read_bytes() == path.read_bytes(), path.name


def test_real_text(shared, tmp_path):
    """A few pairs of real text in four scripts: the check accepts it, nearly all is kept, test lines come back."""
    text, pairs = shared / "data" / "multi", ["en-oc", "en-bn", "en-bg", "en-af"]
    run("check_text", "--folder", text, "--pairs", ",".join(pairs), "--splits", "train,valid",
        "--output", tmp_path / "checked.json")  # fmt: skip
    lines = json.loads((tmp_path / "checked.json").read_text())
    assert lines["en-bn"] == {"train": 800, "valid": 500}
    prepare(text, pairs, ["en", "oc", "bn", "bg", "af"], tmp_path, size=2000)
    with (tmp_path / "filters.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for pair in pairs:
        kept = {row["split"]: int(row["kept"]) for row in rows if row["pair"] == pair}
        assert kept["train"] > 0.9 * lines[pair]["train"]
        assert kept["valid"] == lines[pair]["valid"]
    cleaned = (tmp_path / "clean" / "valid.en-bn.bn").read_text(encoding="utf-8").splitlines()
    encoded = read_back(tmp_path / "bin" / "valid.en-bn.bn", tmp_path / "dict.txt")
    assert sum(one == other for one, other in zip(cleaned, encoded, strict=True)) > 0.9 * len(cleaned)
