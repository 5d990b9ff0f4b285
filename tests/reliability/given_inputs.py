"""Malformed files that a run is given, or that it made: checkpoints, activations, masks, data-bins, translations."""

from __future__ import annotations

import argparse
import contextlib
import json
import struct
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.reliability.bad import BEFORE, READING, Bad, of_file
from workflow_scripts.artifacts import Mask, read_masks, write_activations, write_masks
from workflow_scripts.artifacts_checks import check_alike, check_complete
from workflow_scripts.batch import FORMAT
from workflow_scripts.cluster import failures
from workflow_scripts.corpus import databin, pieces
from workflow_scripts.corpus.databin_content import HEADER, MAGIC, check_pair, count_symbols
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.corpus.parallel import SPLITS
from workflow_scripts.corpus.prepared_set import PreparedSet, read_prepared, text_digest
from workflow_scripts.direction import Direction
from workflow_scripts.files import sha256
from workflow_scripts.made_run import MadeRun
from workflow_scripts.scoring.existing import direction_files, read_direction
from workflow_scripts.steps import check_activations, given_checkpoint, import_translations

PAIR = Direction("en", "de")
LAYERS, WIDTH = 2, 4
SYMBOLS = "".join(f"{letter} 9\n" for letter in "abcdefgh")
Change = Callable[[Any], Any]

# Activations of another baseline


def counts(folder: Path, pair: str = "en-de") -> Path:
    """A sound file of activations."""
    layers = [(part, number) for part in ("encoder", "decoder") for number in range(LAYERS)]
    whole, real = np.arange(1, WIDTH + 1), np.ones(WIDTH)
    columns = dict.fromkeys(("count", "count_all", "count_even"), whole)
    columns |= dict.fromkeys(("sum", "sum_sq", "abs_pre", "w1_norm", "w2_norm"), real)
    path = folder / f"{pair}.parquet"
    write_activations(path, dict.fromkeys(layers, columns), {"pair": pair})
    return path


def table(path: Path, change: Change) -> None:
    """Change the table in a Parquet file, and leave what made it."""
    old = pq.read_table(path)
    new = change(old)
    pq.write_table(new.replace_schema_metadata({**(old.schema.metadata or {}), **(new.schema.metadata or {})}), path)


def column(name: str, values: Callable[[list[Any]], list[Any]]) -> Callable[[Path], None]:
    """Other values in one column."""

    def change(old: pa.Table) -> pa.Table:
        place = old.schema.get_field_index(name)
        new = pa.array(values(old[name].to_pylist()), type=old.schema.field(name).type)
        return old.set_column(place, old.schema.field(name), new)

    return partial(table, change=change)


def first(value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda old: [value, *old[1:]]


def metadata(**changes: str | None) -> Callable[[Path], None]:
    """Other metadata; None leaves a key out."""

    def change(path: Path) -> None:
        old = pq.read_table(path)
        kept = {key.decode(): value.decode() for key, value in old.schema.metadata.items()} | changes
        pq.write_table(old.replace_schema_metadata({key: text for key, text in kept.items() if text is not None}), path)

    return change


def cut(size: int) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes()[:size])


def whole(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[10] ^= 255
    path.write_bytes(bytes(content))


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


PARQUET: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (Path.unlink, "does not exist"),
    "a folder": (as_folder, "is another kind of file"),
    "empty": (whole(b""), "is not a Parquet file"),
    "text": (whole(b"en-de\t1\n"), "is not a Parquet file"),
    "cut": (cut(200), "is not a Parquet file"),
    "the first bytes alone": (cut(4), "is not a Parquet file"),
    "a flipped byte": (flipped, "it is damaged"),
    "of another version": (metadata(format="1"), "is of another version of this project"),
    "of no version": (metadata(format=None), "is of another version of this project"),
    "a column less": (partial(table, change=lambda old: old.drop_columns(old.column_names[-1])), "has columns"),
    "a column more": (partial(table, change=lambda old: old.append_column("x", old[1])), "has columns"),
    "no column": (partial(table, change=lambda old: old.select([])), "has columns"),
    "no rows": (partial(table, change=lambda old: old.slice(0, 0)), "has no rows"),
}
COUNTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    **PARQUET,
    "of no direction": (metadata(pair=None), "does not say which direction"),
    "of a direction that is a number": (metadata(pair="7"), "does not say which direction"),
    "of another direction": (metadata(pair="en-nl"), "has the activations of en-nl"),
    "negative": (column("count", first(-1)), "a count is negative"),
    "too many": (column("count", first(2**62)), "more than any text has positions"),
    "not there": (column("count", first(None)), "rows lack count"),
    "not a number": (column("sum", first(float("nan"))), "sum is not a finite number"),
    "infinite": (column("w1_norm", first(float("inf"))), "w1_norm is not a finite number"),
    "a neuron twice": (column("neuron", first(1)), "the neurons must be 0 to 3, each once"),
    "a neuron below 0": (column("neuron", first(-1)), "the neurons must be 0 to 3, each once"),
    "neurons from 1": (column("neuron", lambda old: [each + 1 for each in old]), "the neurons must be 0 to 3"),
    "a component misspelt": (column("component", lambda old: ["encodr"] * len(old)), "there is no component 'encodr'"),
    "a layer below 0": (column("layer", lambda old: [each - 1 for each in old]), "layers count from 0"),
    "layers from 1": (column("layer", lambda old: [each + 1 for each in old]), "encoder layer 0 is missing"),
    "a layer less": (partial(table, change=lambda old: old.slice(0, 3 * WIDTH)), "of 2 encoder and 1 decoder layers"),
    "a layer shorter": (partial(table, change=lambda old: old.slice(0, 4 * WIDTH - 1)), "all must have as many"),
    "of text alone": (
        partial(table, change=lambda old: old.select(["component", "layer", "neuron", "count"])),
        "nothing but counts",
    ),
}


def of_counts(change: Callable[[Path], Any], folder: Path) -> None:
    """What `check_activations` does with one file."""
    change(counts(folder))
    widths = check_activations.widths_of(folder, PAIR, ["count"])
    check_alike(folder, {"en-de": widths})
    check_activations.check_shape("ns", folder, widths, {"layers": LAYERS, "ffn_dim": WIDTH})


def two_shapes(folder: Path) -> None:
    counts(folder)
    table(counts(folder, "de-en"), lambda old: old.slice(0, 3 * WIDTH))
    pairs = [PAIR, PAIR.reverse]
    check_alike(folder, {str(pair): check_activations.widths_of(folder, pair, ["count"]) for pair in pairs})


def of_activations() -> Iterator[Bad]:
    """Activations that were recorded elsewhere."""
    for name, (change, says) in COUNTS.items():
        yield Bad("activations of another baseline", name, partial(of_counts, change), says, BEFORE)
    yield Bad("activations of another baseline", "of two models", two_shapes, "has other layers than", BEFORE)
    gradients = partial(check_activations.widths_of, pair=PAIR, columns=["taylor"])
    yield Bad(
        "activations of another baseline",
        "without gradients",
        lambda folder: gradients(counts(folder).parent),
        "which the neurons are chosen by",
        BEFORE,
    )
    for name, model in {
        "of other layers": {"layers": 3, "ffn_dim": WIDTH},
        "of other neurons": {"layers": LAYERS, "ffn_dim": 9},
    }.items():
        yield Bad(
            "activations of another baseline", name, partial(_shape, model), "the baseline of this run will", BEFORE
        )


def _shape(model: dict[str, int], folder: Path) -> None:
    widths = check_activations.widths_of(counts(folder).parent, PAIR, ["count"])
    check_activations.check_shape("ns", folder, widths, model)


# Masks: the run's own

KEPT: dict[str, tuple[Callable[[Path], Any], str]] = {
    **PARQUET,
    # Without the last column it is of an earlier version, and is read.
    "a column less": (partial(table, change=lambda old: old.drop_columns("coverage")), "has columns"),
    "a neuron twice": (column("neurons", first([1, 1])), "each once"),
    "neurons that fall": (column("neurons", first([2, 1])), "must rise"),
    "a neuron beyond the layer": (column("neurons", first([1, 4])), "to below 4"),
    "a neuron below 0": (column("neurons", first([-1, 1])), "must rise from 0"),
    "no neuron": (column("neurons", first([])), "no neuron is kept"),
    "no list": (column("neurons", first(None)), "rows lack neurons"),
    "no direction": (column("pair", lambda old: ["ende"] * len(old)), "ende"),
    "a component misspelt": (column("component", first("encodr")), "there is no component"),
    "a layer twice": (column("layer", lambda old: [0] * len(old)), "stands there twice"),
    "a layer missing": (column("layer", lambda old: [2 * each for each in old]), "encoder layer 1 is missing"),
    "of two sizes": (column("ffn_dim", first(9)), "all must have as many"),
    "no size": (column("ffn_dim", first(0)), "to below 0"),
}


def of_masks(change: Callable[[Path], Any], folder: Path) -> None:
    """What decoding does with a file of masks."""
    rows = [
        Mask("en-de", part, layer, WIDTH, np.array([0, 2], np.int32), 90.0, 0.9)
        for part in ("encoder", "decoder")
        for layer in range(LAYERS)
    ]
    write_masks(folder / "ns.parquet", rows, {})
    change(folder / "ns.parquet")
    check_complete(folder / "ns.parquet", read_masks(folder / "ns.parquet").rows)


# Checkpoints


@cache
def sound() -> tuple[dict[str, Any], Any]:
    """The content of a sound checkpoint of a tiny model, and its dictionary."""
    from workflow_scripts.fairseq_plugin import model as transformer
    from workflow_scripts.formats.checkpoint import Checkpoint

    sides = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in {"layers": 1, "embed_dim": 8, "ffn_embed_dim": WIDTH, "attention_heads": 2}.items()
    }
    settings = argparse.Namespace(
        **sides,
        share_decoder_input_output_embed=True,
        langs=["en", "de"],
        max_source_positions=16,
        max_target_positions=16,
    )
    with tempfile.TemporaryDirectory() as folder:
        dictionary = transformer.read_dictionary(data(Path(folder)))
    model = transformer.empty_model(Checkpoint(Path("x"), {}, settings, None, {}), dictionary)
    return {"cfg": None, "args": settings, "model": model.state_dict(), "optimizer_history": []}, dictionary


def data(folder: Path) -> Manifest:
    """The data that checkpoints must fit."""
    (folder / "dict.txt").write_text(SYMBOLS, encoding="utf-8")
    content = {
        "format": FORMAT,
        "languages": ["en", "de"],
        "dictionary": "dict.txt",
        "dictionary_sha256": sha256(folder / "dict.txt"),
        "shards": ["."],
        "pairs": ["en-de"],
        "sentencepiece": None,
        "tokenization": "sentencepiece",
        "fingerprint": "0" * 64,
        "splits": {split: {} for split in SPLITS},
    }
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    return read_manifest(folder / "manifest.json")


def weight(name: str, change: Change) -> Change:
    """Another tensor under one name."""
    return lambda raw: raw | {"model": raw["model"] | {name: change(raw["model"][name].clone())}}


def setting(**changes: Any) -> Change:
    """Other settings of the model."""
    return lambda raw: raw | {"args": argparse.Namespace(**vars(raw["args"]) | changes)}


def without(name: str) -> Change:
    return lambda raw: raw | {"model": {key: value for key, value in raw["model"].items() if key != name}}


def filled_with(value: float) -> Change:
    def change(tensor: Any) -> Any:
        tensor.view(-1)[0] = value
        return tensor

    return change


FC2, EMBEDDING = "decoder.layers.0.fc2.weight", "encoder.embed_tokens.weight"
CONTENTS: dict[str, tuple[Change, str]] = {
    "a weight that is not a number": (weight(FC2, filled_with(float("nan"))), "not a number, or infinite"),
    "an infinite weight": (weight(FC2, filled_with(float("-inf"))), "not a number, or infinite"),
    "whole numbers": (weight(FC2, lambda old: old.int()), "which are no weights"),
    "truths": (weight(FC2, lambda old: old > 0), "which are no weights"),
    "complex numbers": (weight(FC2, lambda old: old + 1j), "which are no weights"),
    "another shape": (weight(FC2, lambda old: old.T.contiguous()), "does not hold the model"),
    "no shape": (weight(FC2, lambda old: old.sum()), "does not hold the model"),
    "sparse weights": (weight(FC2, lambda old: old.to_sparse()), "is a tensor of the layout torch.sparse_coo"),
    "weights that are no tensor": (
        lambda raw: raw | {"model": raw["model"] | {FC2: [1.0]}},
        "in its `model` is a list",
    ),
    "an embedding of one dimension": (weight(EMBEDDING, lambda old: old[:, 0]), "has 1 dimensions, not 2"),
    "an embedding without dimensions": (weight(EMBEDDING, lambda old: old.sum()), "has 0 dimensions, not 2"),
    "a symbol less": (weight(EMBEDDING, lambda old: old[:-1]), "does not fit the data"),
    "a weight missing": (without(FC2), "is not a Transformer of this kind: no"),
    "no encoder": (without(EMBEDDING), "it has no encoder"),
    "a weight more": (
        lambda raw: raw | {"model": raw["model"] | {"adapter.weight": raw["model"][FC2]}},
        "unknown adapter",
    ),
    "names that are numbers": (lambda raw: raw | {"model": {1: raw["model"][FC2]}}, "1 in its `model`"),
    "no model": (lambda raw: {"args": raw["args"]}, "it has no `model`"),
    "a model that is a list": (lambda raw: raw | {"model": [1]}, "its `model` is a list"),
    "a model that is nothing": (lambda raw: raw | {"model": None}, "its `model` is a NoneType"),
    "an empty model": (lambda raw: raw | {"model": {}}, "weights of 0 layers"),
    "no settings": (lambda raw: raw | {"args": None}, "does not say what its model looks like"),
    "settings that are a word": (lambda raw: raw | {"args": "transformer"}, "its `args` is a str"),
    "settings of a number": (lambda raw: raw | {"cfg": 7}, "its `cfg` is a int"),
    "settings that are a list": (lambda raw: raw | {"args": [1, 2]}, "its `args` is a list"),
    "a list": (lambda raw: [raw], "is not a fairseq checkpoint"),
    "a number": (lambda raw: 7, "is not a fairseq checkpoint"),
    "a billion layers": (setting(encoder_layers=10**9), "encoder_layers is 1000000000, and it has weights of 1"),
    "layers below 0": (setting(encoder_layers=-1), "encoder_layers is -1"),
    "layers that are a word": (setting(encoder_layers="two"), "encoder_layers is 'two'"),
    "half a layer": (setting(encoder_layers=1.5), "encoder_layers is 1.5"),
    "heads that do not divide": (setting(encoder_attention_heads=3), "fairseq makes no model of its settings"),
    "no heads": (setting(encoder_attention_heads=0), "encoder_attention_heads is 0"),
    "a width that is a word": (setting(encoder_ffn_embed_dim="wide"), "encoder_ffn_embed_dim is 'wide'"),
    "an enormous width": (setting(encoder_ffn_embed_dim=10**12), "encoder_ffn_embed_dim is 1000000000000"),
    "another width": (setting(decoder_ffn_embed_dim=9), "does not hold the model"),
    "a layer more": (setting(encoder_layers=2), "encoder_layers is 2"),
    "a layer less": (setting(decoder_layers=0), "decoder_layers is 0"),
    "an activation of no name": (setting(activation_fn="swish9"), "fairseq makes no model of its settings"),
    "other languages": (setting(langs=["en", "fr"]), "was trained with languages en,fr"),
    "languages in another order": (setting(langs="de,en"), "was trained with languages de,en"),
    "languages that are a number": (setting(langs=7), "its languages are 7"),
    "languages that are numbers": (setting(langs=[1, 2]), "its languages are [1, 2]"),
    "no masks but a word": (lambda raw: raw | {"neuron_specialization": "ns"}, "its `neuron_specialization` is a str"),
}
FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (Path.unlink, "does not exist"),
    "a folder": (as_folder, "another kind of file"),
    "empty": (whole(b""), "is not loaded"),
    "text": (whole(b"weights\n" * 99), "is not loaded"),
    "cut": (cut(3000), "is not loaded"),
    "the first bytes alone": (cut(4), "is not loaded"),
    "a pickle that runs code": (whole(b"cos\nsystem\n(S'touch OWNED'\ntR."), "is not loaded"),
    "a tar archive": (whole(b"\0" * 10240), "is not loaded"),
}


def of_checkpoint(change: Change, damage: Callable[[Path], Any], folder: Path) -> None:
    """What `given_checkpoint` does with a file."""
    import torch

    path, manifest = folder / "model.pt", data(folder)
    torch.save(change(sound()[0]), path)
    damage(path)
    source = {"path": str(path)}
    output = folder / "out/checkpoint.pt"
    args = argparse.Namespace(source=source, name="released", output=output, vocabulary=None)
    given_checkpoint.take(args, given_checkpoint.obtain(source, args.output), "0" * 64, manifest)


# Data-bins


def side(prefix: Path, sentences: list[list[int]]) -> Path:
    """One side of a pair, as fairseq writes it."""
    sizes = np.array([len(each) for each in sentences], "<i4")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype("<i8") * 2 if len(sizes) else np.array([], "<i8")
    head = HEADER.pack(MAGIC, 1, 8, len(sentences))
    prefix.with_name(f"{prefix.name}.idx").write_bytes(head + sizes.tobytes() + starts.tobytes())
    prefix.with_name(f"{prefix.name}.bin").write_bytes(
        np.array([i for each in sentences for i in each], "<u2").tobytes()
    )
    return prefix


def patched(end: str, place: int, value: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / f"train.en-de.de.{end}"
        content = bytearray(path.read_bytes())
        content[place : place + len(value)] = value
        path.write_bytes(bytes(content))

    return change


def bins(end: str, damage: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda folder: damage(folder / f"train.en-de.de.{end}")


DATABINS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no index": (bins("idx", Path.unlink), "train.en-de.de.idx is missing"),
    "no data": (bins("bin", Path.unlink), "train.en-de.de.bin is missing"),
    "an empty index": (bins("idx", whole(b"")), "is no index"),
    "an empty data file": (bins("bin", whole(b"")), "has 0 bytes"),
    "a cut index": (bins("idx", cut(40)), "is cut or damaged"),
    "a cut header": (bins("idx", cut(20)), "is no index"),
    "cut data": (bins("bin", cut(4)), "has 4 bytes, its index wants"),
    "an index of the old kind": (bins("idx", whole(b"TNTIDX\x00\x00" + b"\0" * 99)), "is no index"),
    "an unknown type": (patched("idx", 17, b"\x63"), "of a version or type"),
    "an unknown version": (patched("idx", 9, struct.pack("<Q", 9)), "of a version or type"),
    "more sentences than memory": (patched("idx", 18, struct.pack("<Q", 2**60)), "is cut or damaged"),
    "an empty sentence": (patched("idx", 26, struct.pack("<i", 0)), "is empty"),
    "a negative sentence": (patched("idx", 26, struct.pack("<i", -3)), "is empty"),
    "sentences in other places": (patched("idx", 34, struct.pack("<q", 1)), "do not follow each other"),
    "a symbol of another dictionary": (
        patched("bin", 2, struct.pack("<H", 999)),
        "it was made with another dictionary",
    ),
    "a side shorter": (lambda folder: side(folder / "train.en-de.de", [[4, 2]]), "both need as many"),
    "a side without sentences": (lambda folder: side(folder / "train.en-de.de", []), "has no sentence"),
    "another dictionary": (lambda folder: (folder / "dict.de.txt").write_text("z 1\n"), "all languages must share one"),
    "no dictionary": (lambda folder: (folder / "dict.de.txt").unlink(), "dict.de.txt is missing"),
    "an empty dictionary": (
        lambda folder: [(folder / f"dict.{code}.txt").write_text("") for code in ("en", "de")],
        "every piece would be unknown",
    ),
    "no validation text": (lambda folder: (folder / "valid.en-de.en.idx").unlink(), "valid.en-de.en.idx is missing"),
    "no data-bin at all": (lambda folder: [path.unlink() for path in folder.iterdir()], "no dict.*.txt here or below"),
}


def of_databin(damage: Callable[[Path], Any], folder: Path) -> None:
    """What `check_databin` does with a data-bin."""
    for code in PAIR.languages:
        (folder / f"dict.{code}.txt").write_text(SYMBOLS, encoding="utf-8")
        for split in ("train", "valid"):
            side(folder / f"{split}.en-de.{code}", [[4, 5, 2], [6, 2]])
    damage(folder)
    shards = databin.find_shards(folder)
    databin.check_dictionaries(shards, ["en", "de"])
    symbols = count_symbols(folder / "dict.en.txt")
    databin.check_pairs(shards, [PAIR])
    for split in ("train", "valid"):
        check_pair((folder / f"{split}.en-de.en", folder / f"{split}.en-de.de"), symbols)


# Translations beside a run's own test set


def of_imported(lines: int, folder: Path) -> None:
    """What `import_translations` does with translations of so many lines, where the test set has three."""
    files = {f"text/test.en-de.{code}": ["a", "b", "c"] for code in PAIR.languages}
    (folder / "text").mkdir()
    for file, text in files.items():
        (folder / file).write_text("".join(f"{line}\n" for line in text))
    text = {
        code: {"file": file, "sha256": text_digest(known), "raw": ""}
        for code, (file, known) in zip(PAIR.languages, files.items(), strict=True)
    }
    test_set = PreparedSet(
        folder / "manifest.json", {"name": "test", "split": "test", "pairs": {"en-de": {"text": text}}}
    )
    (folder / "en-de").mkdir()
    for role in ("hyp", "ref", "src"):
        (folder / f"en-de/{role}.txt").write_text("a\n" * lines)
    rows = read_direction(direction_files(folder / "en-de"))
    import_translations.check_against(test_set, folder, PAIR, rows)


# What a run keeps for itself, damaged by hand

BROKEN = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[7]",
    "a number": b"7",
    "not UTF-8": b"\xff\xfe",
    "nothing": b"{}",
}


def of_state() -> Iterator[Bad]:
    """State files of every kind."""
    for what, content in BROKEN.items():
        for name, read, says in (
            ("data/manifest.json", read_manifest, "is not a data manifest"),
            (
                "tests/manifest.json",
                partial(read_prepared, manifest=Manifest(Path(), {})),
                "is not the manifest of a test set",
            ),
        ):
            yield Bad("state files", f"{name}: {what}", of_file(name, content, read), says, READING)
        yield Bad("state files", f"configuration.json: {what}", partial(_record, content), "is damaged", READING)
        failed = of_file("failed.json", content, failures.read)
        yield Bad("state files", f"failed.json: {what}", failed, "is damaged", READING)


def _record(content: bytes, folder: Path) -> None:
    with contextlib.chdir(folder):
        Path("results/x").mkdir(parents=True)
        Path("results/x/configuration.json").write_bytes(content)
        MadeRun.read("x")


def of_given() -> Iterator[Bad]:
    """All of these."""
    yield from of_activations()
    for name, (change, says) in KEPT.items():
        yield Bad("masks", name, partial(of_masks, change), says, READING)
    for name, (content, says) in CONTENTS.items():
        yield Bad("checkpoints", name, partial(of_checkpoint, content, lambda path: None), says, BEFORE)
    for name, (damage, says) in FILES.items():
        yield Bad("checkpoints", f"{name} (file)", partial(of_checkpoint, lambda raw: raw, damage), says, BEFORE)
    for name, (damage, says) in DATABINS.items():
        yield Bad("data-bins", name, partial(of_databin, damage), says, BEFORE)
    for lines in (1, 2, 4, 1000):
        name = f"{lines} lines of 3"
        yield Bad("translations", name, partial(of_imported, lines), "the run's test set 3 lines", BEFORE)
    for name, content in {"empty": b"", "text": b"pieces\n", "a cut model": b"\x0a\x0b\x0a\x05<unk>"}.items():
        yield Bad("SentencePiece models", name, of_file("s.model", content, pieces.load_model), "s.model", BEFORE)
    yield from of_state()
