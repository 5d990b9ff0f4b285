"""A vocabulary of which only what is used is kept: SentencePiece itself cuts what is left as before."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests import pretrained_models as made
from workflow_scripts.corpus import kept_pieces
from workflow_scripts.corpus.pieces import count_pieces, load_model
from workflow_scripts.formats.sentencepiece_proto import NORMAL, UNUSED, read_proto, without

LINES = made.random_lines(300)
TRAINING, OTHERS = LINES[:40], LINES[40:]


@pytest.fixture(scope="module")
def nllb(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "nllb"
    made.make_nllb(folder, LINES, size=150)
    return folder


def test_kept_are_used_pieces_and_characters():
    assert kept_pieces.kept_pieces(["ab", "a", "b", "bc", "▁"], {"ab"}) == {"ab", "a", "b", "▁"}


def test_text_of_kept_pieces_is_cut_as_before_and_other_text_into_kept_ones(nllb, tmp_path):
    path = nllb / "sentencepiece.bpe.model"
    whole, known = load_model(path), [piece.text for piece in read_proto(path).pieces if piece.kind == NORMAL]
    kept = kept_pieces.kept_pieces(known, count_pieces(whole, TRAINING))
    unused = set(known) - kept
    assert unused
    (tmp_path / "kept.model").write_bytes(without(path.read_bytes(), unused))
    small = load_model(tmp_path / "kept.model")
    for line in TRAINING:
        assert small.encode(line, out_type=str) == whole.encode(line, out_type=str)
    differ = 0
    for line in OTHERS:
        before, after = (model.encode(line, out_type=str) for model in (whole, small))
        assert not unused.intersection(after)
        assert "".join(after) == "".join(before)
        assert (before != after) == bool(unused.intersection(before))
        differ += before != after
    assert differ
    total, other = kept_pieces.changed(whole, OTHERS, known, kept)
    cut = [piece for line in OTHERS for piece in whole.encode(line, out_type=str)]
    assert (total, other) == (len(cut), sum(piece in unused for piece in cut))
    assert 0 < other < total
    # All else of the model is as it was.
    changed, original = read_proto(tmp_path / "kept.model"), read_proto(path)
    assert {piece.text for piece in changed.pieces if piece.kind == UNUSED} == unused
    for piece in changed.pieces:
        piece.kind = NORMAL if piece.kind == UNUSED else piece.kind
    assert changed == original
    assert without(path.read_bytes(), set()) == path.read_bytes()


def test_the_steps_keep_it_and_say_what_changes(nllb, command, tmp_path):
    """From cleaned text to the table, by the commands."""
    clean, data, tags = tmp_path / "clean", tmp_path / "data", {"en": "eng_Latn", "de": "deu_Latn"}
    clean.mkdir()
    for split, lines in (("train", TRAINING), ("valid", OTHERS[:30])):
        for code in ("en", "de"):
            (clean / f"{split}.en-de.{code}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    kept = {split: [{"filter": "all", "before": 30, "kept": 30}] for split in ("train", "valid")}
    (clean / "en-de.json").write_text(json.dumps({"splits": kept}))
    (tmp_path / "raw").mkdir()
    for code in ("en", "de"):
        (tmp_path / f"raw/test.en-de.{code}").write_text("".join(f"{line}\n" for line in OTHERS[30:60]), "utf-8")
    given = ("--pretrained", nllb, "--tags", json.dumps(tags), "--output", data)
    said = command("pretrained_vocabulary", *given, "--used", clean, "--pairs", "en-de").ok().out
    symbols = (data / "dict.txt").read_text(encoding="utf-8").splitlines()
    assert f"{len(symbols) + 4} of {150 + 1 + 202 + 3} symbols are kept" in said
    assert f"saved: {(150 + 1 + 202 + 3 - len(symbols) - 4) * 16:,} weights" in said
    assert [symbol for symbol in symbols if symbol.startswith("__")] == ["__de__ 1", "__en__ 1"]
    files = ("--model", data / "sentencepiece.model", "--dictionary", data / "dict.txt")
    command(
        *("binarize", "--folder", clean, "--pairs", "en-de", "--codes", "en,de", *files),
        *("--max-pieces", 100, "--output", data),
    ).ok()
    test_set = ("--name", "test", "--folder", tmp_path / "raw", "--pairs", "en-de", "--data", data / "manifest.json")
    said = command("test_set", *test_set, "--output", data / "tests/test").ok().out
    assert "not in the dictionary" not in said
    said = command(
        *("vocabulary_changes", "--pretrained", nllb, "--data", data / "manifest.json", "--clean", clean),
        *("--test-sets", data / "tests/test/manifest.json", "--output", tmp_path / "vocabulary.csv"),
    ).ok()
    with (tmp_path / "vocabulary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["text"], row["language"]) for row in rows] == [
        (text, code) for text in ("valid", "test") for code in ("de", "en")
    ]
    whole, names = load_model(nllb / "sentencepiece.bpe.model"), {symbol.split()[0] for symbol in symbols}
    for row, lines in zip(rows, (OTHERS[:30],) * 2 + (OTHERS[30:60],) * 2, strict=True):
        cut = [piece for line in lines for piece in whole.encode(line, out_type=str)]
        assert int(row["pieces"]) == len(cut)
        assert int(row["changed"]) == sum(piece not in names for piece in cut) > 0
    assert "are not kept, and cut into smaller ones" in said.out

    # The baseline of that vocabulary, and the way back.
    source = json.dumps({"path": str(nllb), "format": "transformers"})
    output = tmp_path / "baseline/checkpoint.pt"
    command(
        *("given_checkpoint", "--source", source, "--name", "baseline", "--data", data / "manifest.json"),
        *("--vocabulary", data / "vocabulary.json", "--output", output),
    ).ok()
    from safetensors.torch import load_file

    from workflow_scripts.formats.checkpoint import read_checkpoint
    from workflow_scripts.formats.transformers_read import read_model

    assert len(read_checkpoint(output).state["decoder.embed_tokens.weight"]) == len(symbols) + 4
    given = ("--system", "baseline", "--data", data / "manifest.json", "--checkpoint", output, "--run", "none")
    given += ("--format", "transformers", "--output", tmp_path / "out")
    refused = command("export", *given)
    assert (refused.code, "or a pretrained model with --original" in refused.err) == (2, True)
    command("export", *given, "--original", nllb).ok()
    theirs, ours = (load_file(folder / "model.safetensors") for folder in (nllb, tmp_path / "out"))
    assert theirs.keys() == ours.keys()
    assert all((theirs[name] == ours[name]).all() for name in theirs)
    assert read_model(tmp_path / "out").architecture.shared == "all"
