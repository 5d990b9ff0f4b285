"""Every parser of ours, each with real files to begin with: what people, networks and killed processes may leave."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.conftest import ROOT
from tests.reliability.artifacts_made import make_artifacts, neurons
from workflow_scripts import configuration, configuration_files
from workflow_scripts.artifacts import read_activations, read_masks, read_segments, read_translations
from workflow_scripts.artifacts_crossed import read_crossed
from workflow_scripts.batch import read_stamp
from workflow_scripts.cluster import checks, failures, queue
from workflow_scripts.cluster.estimate import records
from workflow_scripts.corpus import databin_content, download, manifest, parallel, prepared_set, symbols, unpack
from workflow_scripts.corpus.sources import SOURCES
from workflow_scripts.direction import Direction, parse_all
from workflow_scripts.files import json_lines, read_json
from workflow_scripts.formats import peek, transformers_read
from workflow_scripts.formats.checkpoint import read_checkpoint
from workflow_scripts.formats.sentencepiece_proto import read_proto
from workflow_scripts.formats.transformers_tokenizer import check as check_proto
from workflow_scripts.kept_digests import KeptDigests
from workflow_scripts.languages import read_languages
from workflow_scripts.made_run import MadeRun
from workflow_scripts.reporting import costs, crossed, overlaps
from workflow_scripts.run import Run
from workflow_scripts.scoring import ceilings, existing, outcomes, published, rates, tables
from workflow_scripts.scoring.texts import read_lines
from workflow_scripts.training import curve, provenance, work_folder

__all__ = ["Parser", "parsers"]
PAIR = Direction("en", "de")
SCHEMA = ROOT / "config/schema.yaml"


@dataclass(frozen=True)
class Parser:
    """A parser: `read` gets the path of a file called `file`, whose content is one of `seeds`, or made of them."""

    name: str
    file: str
    seeds: tuple[bytes, ...]
    read: Callable[[Path], Any]
    slow: bool = False
    """Whether a read takes milliseconds."""


def _json(*values: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


def _drawn(rows: Any) -> None:
    for _ in rows:
        pass


def _configured(path: Path) -> None:
    """What a start does with a configuration file."""
    configuration_files.check([path])
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Snakemake itself refuses anything else.
    if isinstance(content, dict):
        Run.from_config(configuration.complete(content, SCHEMA), ROOT)


def _of_folder(path: Path, act: Callable[[], Any]) -> Any:
    """`act` in the folder of `path`, since a run is looked for where one is."""
    before = Path.cwd()
    os.chdir(path.parents[2])
    try:
        return act()
    finally:
        os.chdir(before)


def _manifest(path: Path) -> None:
    found = manifest.read_manifest(path)
    _ = found.shards, found.folders("valid"), found.languages, found.pairs, found.dictionary, found.sentencepiece
    _ = found.tokenization, found.fingerprint, found.vocabulary
    found.split_digest("train", PAIR)


def _prepared(path: Path) -> None:
    found = prepared_set.read_prepared(path, manifest.Manifest(path, {"dictionary_sha256": "0" * 64}))
    _ = found.name, found.split, found.folder, found.made_of(PAIR)


def _archive(kind: str) -> bytes:
    packed = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a/dict.en.txt", "a 1\nb 2\n")
            file.writestr("a/b/train.bin", bytes(range(99)))
    else:
        with tarfile.open(fileobj=packed, mode=f"w:{kind}", format=tarfile.PAX_FORMAT) as file:
            for name, text in {"a/dict.en.txt": b"a 1\n", f"a/{'long' * 30}.txt": b"x", "a/ü": b""}.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                file.addfile(member, io.BytesIO(text))
            link = tarfile.TarInfo("a/link")
            link.type, link.linkname = tarfile.SYMTYPE, "dict.en.txt"
            file.addfile(link)
    return packed.getvalue()


def _checkpoint(made: Path) -> tuple[bytes, ...]:
    import torch

    reached = {"update": 4, "validations": [(2, 3.5), (4, 3.25)], "end": None, "best": 4, "made": {"format": 2}}
    settings = Namespace(arch="transformer", langs="en,de", encoder_layers=1, share_decoder_input_output_embed=True)
    content = {
        "args": None,
        "cfg": {"model": settings, "task": {"data": "x"}},
        "model": {"decoder.embed_tokens.weight": torch.ones(3, 2), "encoder.layers.0.fc1.weight": torch.ones(2, 2)},
        "optimizer_history": [{"num_updates": 4}],
        "extra_state": {work_folder.KEY: reached | {"codes": ["x"]}},
        peek.PROVENANCE: {"step": "train", "code": "0", "made_from": "1", "validations": [[4, 3.25]], "format": 2},
    }
    torch.save(content, made / "checkpoint.pt")
    torch.save(content | {"cfg": None, "args": settings}, made / "older.pt")
    return (made / "checkpoint.pt").read_bytes(), (made / "older.pt").read_bytes()


def _model(made: Path) -> dict[str, tuple[bytes, ...]]:
    """A model of transformers: its parts."""
    import torch
    from safetensors.torch import save_file

    sides = {f"{side}_{key}": 1 for side in ("encoder", "decoder") for key in ("layers", "ffn_dim", "attention_heads")}
    config = sides | {
        "model_type": "m2m_100",
        "d_model": 2,
        "vocab_size": 4,
        "max_position_embeddings": 8,
        "scale_embedding": True,
        "activation_function": "relu",
        "dropout": 0.1,
        "attention_dropout": 0,
        "activation_dropout": 0,
        "neuron_specialization": {"step": "train"},
    }
    tokenizer = {"model_max_length": 8, "extra_special_tokens": ["__en__", "__de__"]}
    shapes = {"model.shared.weight": (4, 2), **dict(transformers_read.weights_of(config))}
    save_file({name: torch.ones(shape) for name, shape in shapes.items()}, made / "model.safetensors")
    (made / "config.json").write_text(json.dumps(config))
    (made / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return {
        "model.safetensors": ((made / "model.safetensors").read_bytes(),),
        "config.json": _json(config),
        "tokenizer_config.json": _json(tokenizer),
    }


def _of_model(parts: dict[str, tuple[bytes, ...]]) -> Callable[[Path], Any]:
    """Read a model of which one part was changed; the others are as they were."""

    def read(path: Path) -> None:
        for name, (content,) in parts.items():
            if name != path.name:
                path.with_name(name).write_bytes(content)
        transformers_read.read_model(path.with_name("model.safetensors"))

    return read


def _piece(text: str, score: float, kind: int = 1) -> bytes:
    encoded = text.encode()
    inner = b"\x0a" + bytes([len(encoded)]) + encoded + b"\x15" + np.float32(score).tobytes() + b"\x18" + bytes([kind])
    return b"\x0a" + bytes([len(inner)]) + inner


def _index(sizes: list[int]) -> bytes:
    pointers = np.concatenate([[0], np.cumsum(sizes)[:-1]]) * 4
    head = databin_content.HEADER.pack(databin_content.MAGIC, 1, 4, len(sizes))
    return head + np.array(sizes, "<i4").tobytes() + pointers.astype("<i8").tobytes()


def _side(path: Path) -> None:
    """The index with its data, or the data with its index: whichever was changed, the other is as it was."""
    other = path.with_suffix({".idx": ".bin", ".bin": ".idx"}[path.suffix])
    other.write_bytes(_index([2, 3]) if other.suffix == ".idx" else np.array([4, 2, 5, 6, 2], "<i4").tobytes())
    databin_content.check_side(path.with_suffix(""), 10)


def _scores(path: Path) -> None:
    _drawn(tables.read_scores(path.parents[1], "test", path.parent.name, [PAIR], ["bleu"]))


def _tests(path: Path) -> None:
    outcomes.read_tests(path.parents[2], "baseline", "test", "ns", [PAIR])


def _means(path: Path) -> None:
    outcomes.read_means(path.parents[2], "baseline", "test", ["ns"], "BLEU")


RESULT = {"name": "BLEU", "text": "raw", "test": "randomization", "samples": 100, "seed": 1, "score": 20.5}
RESULT |= {"against_score": 20.0, "difference": 0.5, "low": None, "high": None, "p": 0.04, "tier": "", "type": "O2M"}
SCORE = {"name": "BLEU", "text": "raw", "score": 20.5, "signature": "nrefs:1|case:mixed", "length_ratio": 1.01}
SCORE |= {"unknown_references": [3], "brevity_penalty": 1.0, "pair": "en-de", "lines": 8}
STATE = {"update": 4, "validations": [[2, 3.5]], "end": None, "best": 2, "made": {}, "codes": [], "over": False}
MANIFEST = {
    "format": 2,
    "shards": ["bin"],
    "languages": ["en", "de"],
    "dictionary": "bin/dict.en.txt",
    "pairs": ["en-de"],
}
MANIFEST |= {"dictionary_sha256": "0" * 64, "splits": {"train": {"en-de": "1"}, "valid": {"en-de": "2"}}}
MANIFEST |= {"fingerprint": "3", "sentencepiece": None, "sentencepiece_sha256": None, "tokenization": "none"}
TEXT = {"en": {"file": "a", "sha256": "0", "raw": "1"}, "de": {"file": "b", "sha256": "0", "raw": "1"}}
TEST_SET = {"format": 2, "name": "test", "split": "test", "folder": "bin", "dictionary_sha256": "0" * 64}
TEST_SET |= {"pairs": {"en-de": {"lines": 8, "text": TEXT, "data": "0", "contamination": None}}}
ROW = {"s": 1.5, "cpu_time": 0.5, "max_rss": 90.1, "wildcards": {"system": "ns"}}
LOGGED = {"update": 2, "split": "train", "loss": 4.5, "nll_loss": 4, "lr": 0.1, "gnorm": 1, "ups": 2, "wps": 9}
QUEUE = "12\tRUNNING\t1:02\t58:58\tdemo_1a2b\trule_decode_1_wildcards_ns\t{}\n13\tPENDING\t0:00\t1:00\tx\t(null)\t/\n"


def parsers(folder: Path) -> list[Parser]:
    """All of them; `folder` is for the files that they begin with."""
    folder.mkdir(parents=True, exist_ok=True)
    made = make_artifacts(folder)
    return [*_texts(), *_models(folder), *_artefacts(made), *_states()]


def _texts() -> Iterator[Parser]:
    # Others need files that the user has.
    shipped = [(ROOT / f"config/{name}.yaml").read_bytes() for name in ("config", "studies/criteria", "ec30")]
    yield Parser("configuration", "config.yaml", tuple(shipped), _configured, slow=True)
    yield Parser("configuration as text", "config.yaml", tuple(shipped), lambda path: configuration_files.check([path]))
    languages = [path.read_bytes() for path in sorted((ROOT / "config/languages").glob("*.tsv"))]
    yield Parser("language table", "languages.tsv", tuple(languages), read_languages)
    scores = (ROOT / "config/published_scores.csv").read_bytes()
    yield Parser("published scores", "published.csv", (scores[: scores.index(b"\n", 600) + 1],), published.read)
    dictionary = "the 12\n▁a 5\n# 1 #fairseq:overwrite\nx 0\n".encode()
    yield Parser("fairseq dictionary", "dict.en.txt", (dictionary,), lambda path: symbols.read_symbols(path, ["en"]))
    generated = b"S-0\t__en__ a b\nT-0\tc\nH-0\t-0.5\td e\nD-0\t-0.5\td\nS-1\tx\nT-1\ty\nH-1\t-1e-3\t\n"
    yield Parser("output of fairseq-generate", "generate-test.txt", (generated,), existing.read_generate)
    plain = b"ein Satz\nnoch einer\r\n__x__ y\n"
    yield Parser("plain translations", "hyp.txt", (plain,), lambda path: existing.read_plain(path, path, path))
    yield Parser("packed translations", "hyp.txt.gz", (gzip.compress(plain),), read_lines)
    yield Parser("text", "train.en-de.en", (plain,), lambda path: _drawn(parallel.read_lines(path)))
    yield Parser(
        "packed text", "train.en-de.en.gz", (gzip.compress(plain),), lambda path: _drawn(parallel.read_lines(path))
    )
    yield Parser("directions", "pairs", (b"en-de,de-en, en-nl", b"en-x_1"), lambda path: parse_all(_text(path)))
    yield Parser("tar archive", "a.tar", (_archive(""),), _unpacked, slow=True)
    yield Parser("packed tar archive", "a.tar.gz", (_archive("gz"), _archive("xz")), _unpacked, slow=True)
    yield Parser("zip archive", "a.zip", (_archive("zip"),), _unpacked, slow=True)
    words = tuple(SOURCES[name].form.encode() for name in SOURCES)
    yield Parser("digest beside a download", "archive.sha256", (b"0" * 64 + b"  archive\n", *words), _noted)
    note = _json({"https://example.org/a": '"etag"'})
    yield Parser(
        "note of a download", "a.part.json", note, lambda path: download._validator(path, "https://example.org/a")
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _noted(path: Path) -> str:
    return download.contradicted(path.with_suffix(""), "1" * 64)


def _unpacked(path: Path) -> None:
    unpack.unpack(path, path.with_name("unpacked"), unpack.Limits(10**6, 200, 10**5, 100, 1 << 16))


def _models(folder: Path) -> Iterator[Parser]:
    charsmap = b"\x1a\x07\x12\x01x\x18\x01\x20\x00"
    trainer = b"\x12\x02\x18\x02"
    proto = b"".join(
        [_piece("<unk>", 0, 2), _piece("<s>", 0, 3), _piece("▁a", -1.5), _piece("b", -2), trainer, charsmap]
    )
    yield Parser("SentencePiece model", "m.model", (proto,), lambda path: check_proto(read_proto(path), path))
    checkpoints = _checkpoint(folder)
    yield Parser(
        "checkpoint, at a glance",
        "checkpoint.pt",
        checkpoints,
        lambda path: (
            peek.peek(path),
            provenance.read(path),
            work_folder.read_state(path),
            work_folder.intact(path),
            provenance.is_stale(path),
        ),
    )
    yield Parser("checkpoint", "checkpoint.pt", checkpoints, read_checkpoint, slow=True)
    yield Parser("index of a data-bin", "train.en-de.en.idx", (_index([2, 3]),), _side)
    yield Parser("data of a data-bin", "train.en-de.en.bin", (np.array([4, 2, 5, 6, 2], "<i4").tobytes(),), _side)
    parts = _model(folder)
    for name, seeds in parts.items():
        yield Parser(f"transformers: {name}", f"transformers/{name}", seeds, _of_model(parts), slow=True)


def _artefacts(made: Path) -> Iterator[Parser]:
    files = {path.stem: path.read_bytes() for path in made.glob("*.parquet")}
    for name, read in {
        "activations": lambda path: neurons(read_activations(path)),
        "masks": lambda path: read_masks(path).kept(),
        "translations": read_translations,
        "segments": read_segments,
        "crossed": read_crossed,
    }.items():
        yield Parser(name, f"{name}.parquet", (files[name],), read, slow=True)
    yield Parser("stamp of a Parquet file", "masks.parquet", (files["masks"],), read_stamp, slow=True)
    score = _json([SCORE, SCORE | {"name": "chrF2++"}])
    yield Parser("scores", "scores/ns/en-de.json", score, _scores)
    yield Parser(
        "tests",
        "significance/baseline/ns/en-de.json",
        _json({"results": [RESULT], "against": "baseline", "system": "ns", "pair": "en-de"}),
        _tests,
    )
    yield Parser(
        "tests of means",
        "significance/baseline/ns/means.json",
        _json({"results": [RESULT], "against": "baseline", "system": "ns"}),
        _means,
    )
    rows = {"test": {"ns": [PAIR]}}
    reachable = {"pair": "en-de", "results": [{"name": "BLEU", "text": "raw", "score": 99.0, "best": 100.0}]}
    yield Parser(
        "ceilings", "ceilings/en-de.json", _json(reachable), lambda path: _drawn(ceilings.read(path.parent, rows))
    )
    told = {"pair": "en-de", "off_target": 0.1, "identified_references": 0.9}
    yield Parser(
        "languages of hypotheses",
        "scores/ns/en-de.language.json",
        _json(told),
        lambda path: _drawn(rates.read(path.parents[1], rows)),
    )
    for name, read in {
        "directions": tables.read,
        "overlap": overlaps.read_table,
        "families": overlaps.read_table,
    }.items():
        yield Parser(f"table of {name}", f"{name}.csv", ((made / f"{name}.csv").read_bytes(),), read, slow=True)
    yield Parser(
        "table of crossed scores", "crossed.csv", ((made / "crossed.csv").read_bytes(),), crossed.read, slow=True
    )


def _states() -> Iterator[Parser]:
    yield Parser("manifest", "manifest.json", _json(MANIFEST), _manifest)
    yield Parser("manifest of a test set", "manifest.json", _json(TEST_SET), _prepared)
    record = {"format": 2, "configuration": {"run": "demo", "systems": {"baseline": {}}}}
    yield Parser(
        "record of the configuration",
        "results/demo/configuration.json",
        _json(record),
        lambda path: _of_folder(path, lambda: MadeRun.read("demo")),
    )
    yield Parser("stamp of a JSON file", "a.json", _json({"made_from": "0", "files": {"a": "1"}}, [SCORE]), read_stamp)
    yield Parser("JSON", "a.json", _json([SCORE], {"a": 1}), read_json)
    yield Parser("JSON lines", "a.jsonl", (b'{"a": 1}\n{"b": [2]}\n',), json_lines)
    digests = {"rule": "score", "inputs": {"a": ["0", 1, 2]}, "outputs": {"b": ["1", 2, 3]}}
    yield Parser("digests", "digests.jsonl", (b"\n".join(_json(digests, digests)),), KeptDigests)
    yield Parser(
        "benchmarks, for times", "benchmarks/decode/a.jsonl", _json(ROW), lambda path: records(path.parents[1])
    )
    yield Parser(
        "benchmarks, for costs", "benchmarks/decode/a.jsonl", _json(ROW), lambda path: costs.by_stage(path.parents[1])
    )
    yield Parser(
        "progress of a training",
        "curve.jsonl",
        (b"\n".join(_json(LOGGED, LOGGED | {"split": "valid"})),),
        lambda path: curve.write_curve(path, path.with_suffix(".csv"), 4, [(2, 3.5)]),
    )
    yield Parser(
        "curve of a training",
        "training.csv",
        (b"update,split,loss\n2,train,4.5\n2,valid,3.5\n",),
        lambda path: provenance.vouched(path, [(2, 3.5)]),
    )
    yield Parser("state of a training", "run/state.json", _json(STATE), lambda path: work_folder.reached(path.parent))
    starts = b"\n".join(_json({"job": "12", "update": 4}))
    yield Parser(
        "starts of a training",
        "run/starts.jsonl",
        (starts,),
        lambda path: work_folder.record_start(path.parent, "13", 4, 9),
    )
    failed = [{"rule": "decode_1", "wildcards": {"system": "ns"}, "output": ["a"], "logs": ["gone.log"]}]
    yield Parser(
        "failed jobs", "failed.json", _json(failed), lambda path: failures.message(failures.read(path), "demo")
    )
    yield Parser(
        "log of a failed job",
        "job.log",
        (b"[decode] 1/2\nerror: x\n",),
        lambda path: failures.message([failures.Failure("a", {}, ["b"], [str(path)])], "demo"),
    )
    yield Parser(
        "SLURM's queue",
        "queue",
        (QUEUE.format(Path.cwd()).encode(),),
        lambda path: queue.parse(_text(path), "demo", Path.cwd()),
    )
    yield Parser(
        "SLURM's partitions",
        "sinfo",
        (b"gpu|gpu:a100:4|1-00:00:00\ncpu|(null)|infinite\n",),
        lambda path: checks.partitions(_text(path)),
    )
