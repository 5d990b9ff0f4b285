"""The decode command: rows in the order of the test set, masks of the checkpoint, what is current, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.conftest import DIRECTIONS
from workflow_scripts.artifacts import Mask, masks_digest, read_masks, read_translations, write_masks
from workflow_scripts.batch import FORMAT, RECOMPUTE
from workflow_scripts.formats import checkpoint
from workflow_scripts.steps import decode as step

PAIR = "en-qa"


@pytest.fixture
def decode(tiny_run, command, tmp_path):
    def run(pairs, *options, model=tiny_run.checkpoint, test_set=tiny_run.test_set):
        files = ("--data", tiny_run.manifest, "--test-set", test_set, "--checkpoint", model)
        fixed = ("--system", "ns", "--device", "cpu", "--max-length", 15, "--beam", 2)
        return command("decode", *files, "--output", tmp_path / "ns", "--pairs", ",".join(pairs), *fixed, *options)

    return run


def masks(path, seed=1, pairs=DIRECTIONS):
    random = np.random.default_rng(seed)
    rows = [
        Mask(pair, component, layer, 48, np.sort(random.choice(48, 20, replace=False)).astype(np.int32), None, 0.5)
        for pair in pairs
        for component in ("encoder", "decoder")
        for layer in range(2)
    ]
    write_masks(path, rows, {})
    return path


def rows(tmp_path, pair=PAIR):
    return read_translations(tmp_path / f"ns/{pair}.parquet")[0]


def test_rows_are_the_users_own_lines_in_order(tiny_run, decode, tmp_path):
    decode(["en-qa", "qa-en"]).ok()
    for pair, other in (("en-qa", "qa"), ("qa-en", "en")):
        found = rows(tmp_path, pair)
        source = "en" if other == "qa" else "qa"
        for column, language in (("source", source), ("reference", other)):
            lines = (tiny_run.folder / f"data/raw/test.en-qa.{language}").read_text(encoding="utf-8").splitlines()
            assert [row[column] for row in found] == lines
        assert [row["id"] for row in found] == list(range(12))
        assert all(row["score"] < 0 for row in found)
        assert not any("__" in row["hypothesis"] or "\u2581" in row["hypothesis"] for row in found)
        for side, column in (("hyp", "hypothesis"), ("ref", "reference"), ("src", "source")):
            text = (tmp_path / f"ns/{pair}.{side}.txt").read_text(encoding="utf-8")
            assert text == "".join(f"{row[column]}\n" for row in found)


def test_how_sentences_are_batched_does_not_matter(decode, tmp_path):
    decode([PAIR], "--max-tokens", 2000).ok()
    together = rows(tmp_path)
    decode([PAIR], "--max-tokens", 60).ok()
    assert [row["hypothesis"] for row in rows(tmp_path)] == [row["hypothesis"] for row in together]
    assert [row["score"] for row in rows(tmp_path)] == pytest.approx([row["score"] for row in together], abs=1e-4)


def test_masks_change_what_is_said_and_are_named_in_the_file(decode, tmp_path):
    decode([PAIR]).ok()
    dense = [row["score"] for row in rows(tmp_path)]
    path = masks(tmp_path / "m.parquet")
    decode([PAIR], "--masks", path).ok()
    found, metadata = read_translations(tmp_path / f"ns/{PAIR}.parquet")
    assert [row["score"] for row in found] != dense
    assert metadata["masks"] == masks_digest(read_masks(path).rows)


def test_what_is_current_is_left_and_one_direction_costs_one(decode, tmp_path):
    pairs = ["en-qa", "qa-en"]
    decode(pairs).ok()
    before = (tmp_path / "ns/qa-en.parquet").read_bytes()
    assert "2/2 directions · all current" in decode(pairs).ok().out
    (tmp_path / "ns/en-qa.hyp.txt").unlink()
    assert "2/2 directions · en-qa" in decode(pairs).ok().out
    assert (tmp_path / "ns/en-qa.hyp.txt").exists()
    assert (tmp_path / "ns/qa-en.parquet").read_bytes() == before
    decode(pairs, "--length-penalty", 2).ok()
    assert read_translations(tmp_path / "ns/qa-en.parquet")[1]["length_penalty"] == 2


def test_a_checkpoint_takes_only_the_masks_it_was_trained_under(tiny_run, decode, tmp_path):
    right, wrong = masks(tmp_path / "right.parquet"), masks(tmp_path / "wrong.parquet", seed=2)
    trained = tmp_path / "trained.pt"
    work, digest = tiny_run.folder / "baseline/run/checkpoint_last.pt", masks_digest(read_masks(right).rows)
    checkpoint.publish(work, trained, {"masks": digest, "format": FORMAT}, {})
    decode([PAIR], "--masks", right, model=trained).ok()
    (tmp_path / f"ns/{PAIR}.parquet").unlink()
    for options in (["--masks", wrong], []):
        result = decode([PAIR], *options, model=trained)
        assert result.code == 2
        assert "decode it with the masks it was trained under" in result.err
        assert not (tmp_path / f"ns/{PAIR}.parquet").exists()


def test_masks_without_the_direction_are_refused(decode, tmp_path):
    result = decode([PAIR], "--masks", masks(tmp_path / "few.parquet", pairs=["qa-en"]))
    assert result.code == 2
    assert "no masks for direction en-qa (there are: qa-en)" in result.err


def changed(tiny_run, path, **changes):
    """The tiny test set with other keys, for the pair en-qa."""
    content = json.loads(tiny_run.test_set.read_text(encoding="utf-8"))
    content["folder"] = str(tiny_run.test_set.parent / "bin")
    for side in content["pairs"][PAIR]["text"].values():
        side["file"] = str(tiny_run.test_set.parent / side["file"])
    content["pairs"][PAIR] |= changes
    path.write_text(json.dumps(content))
    return path


def test_without_raw_lines_the_data_bins_own_are_taken(tiny_run, decode, tmp_path):
    decode([PAIR], test_set=changed(tiny_run, tmp_path / "manifest.json", text=None)).ok()
    lines = (tiny_run.test_set.parent / "text/test.en-qa.qa").read_text(encoding="utf-8").splitlines()
    assert [row["reference"] for row in rows(tmp_path)] == lines


def test_lines_that_changed_since_are_noticed(tiny_run, decode, tmp_path):
    text = json.loads(tiny_run.test_set.read_text(encoding="utf-8"))["pairs"][PAIR]["text"]
    other = tmp_path / "other.qa"
    other.write_bytes((tiny_run.test_set.parent / text["qa"]["file"]).read_bytes() + b"one more\n")
    text = {"en": {**text["en"], "file": str(tiny_run.test_set.parent / text["en"]["file"])}} | {
        "qa": {**text["qa"], "file": str(other)}
    }
    result = decode([PAIR], test_set=changed(tiny_run, tmp_path / "manifest.json", text=text))
    assert result.code == 2
    assert "other.qa has changed since the data was prepared" in result.err


def test_corrected_references_are_translations_of_another_set(tiny_run, decode, command, tmp_path):
    """A correction that normalization hides leaves the data as it was, and the texts must follow all the same."""
    text = tmp_path / "text"
    text.mkdir()
    for language in ("en", "qa"):
        lines = (tiny_run.folder / f"data/raw/test.en-qa.{language}").read_text(encoding="utf-8").splitlines()
        (text / f"{language}.txt").write_text("".join(f'"{line}"\n' for line in lines), encoding="utf-8")
    manifest = tmp_path / "set/manifest.json"

    def translated():
        command(
            *("test_set", "--name", "own", "--folder", text, "--pairs", PAIR, "--data", tiny_run.manifest),
            *("--output", manifest.parent),
        ).ok()
        done = decode([PAIR], test_set=manifest).ok()
        return done.out, (tmp_path / "ns/en-qa.ref.txt").read_text(encoding="utf-8")

    assert "all current" not in translated()[0]
    assert "all current" in translated()[0]
    corrected = (text / "qa.txt").read_text(encoding="utf-8").replace('"', "“", 1)
    (text / "qa.txt").write_text(corrected, encoding="utf-8")
    said, references = translated()
    assert "all current" not in said
    assert references == corrected
    assert read_translations(tmp_path / f"ns/{PAIR}.parquet")[1]["test_set"] == "own"


def test_only_what_matters_to_the_engine_translates_again(decode, tmp_path):
    decode([PAIR]).ok()
    assert "all current" in decode([PAIR], "--compute-type", "int8", "--system", "other").ok().out
    decode([PAIR], "--engine", "ctranslate2").ok()
    assert read_translations(tmp_path / f"ns/{PAIR}.parquet")[1]["compute_type"] == "float32"
    assert "all current" in decode([PAIR], "--engine", "ctranslate2").ok().out
    assert "all current" not in decode([PAIR], "--engine", "ctranslate2", "--compute-type", "int8").ok().out


def test_the_same_weights_in_another_file_are_the_same(tiny_run, decode, tmp_path):
    content = torch.load(tiny_run.checkpoint, weights_only=True)
    decode([PAIR]).ok()
    torch.save({**content, "optimizer_history": content["optimizer_history"] * 2}, tmp_path / "again.pt")
    assert "all current" in decode([PAIR], model=tmp_path / "again.pt").ok().out
    content["model"]["decoder.layer_norm.weight"] += 0.5
    torch.save(content, tmp_path / "other.pt")
    assert "all current" not in decode([PAIR], model=tmp_path / "other.pt").ok().out


def test_a_kill_between_two_writes_leaves_nothing_mixed(decode, tmp_path, monkeypatch):
    """Settings A done, B killed after the texts, A again: the texts are A's."""
    decode([PAIR]).ok()
    before = {path.name: path.read_bytes() for path in (tmp_path / "ns").iterdir()}

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(step, "write_translations", killed)
        with pytest.raises(KeyboardInterrupt):
            decode([PAIR], "--beam", 5, "--length-penalty", 0)
    assert {path.name: path.read_bytes() for path in (tmp_path / "ns").iterdir()} != before
    decode([PAIR]).ok()
    assert {path.name: path.read_bytes() for path in (tmp_path / "ns").iterdir()} == before


def test_a_forced_run_translates_again(decode, monkeypatch):
    decode([PAIR]).ok()
    monkeypatch.setenv(RECOMPUTE, "decode")
    assert "all current" not in decode([PAIR]).ok().out


def test_a_direction_that_the_test_set_lacks_is_refused(decode):
    result = decode(["qa-xi"])
    assert result.code == 2
    assert "test set test has no text of qa-xi; it has en-qa, en-qe, en-xi" in result.err
