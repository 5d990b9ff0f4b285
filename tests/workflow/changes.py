"""The single changes of the matrix, and the configurations of the tiny runs that they are made to."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from workflow_scripts.files import sha256
from workflow_scripts.formats.checkpoint import read_raw

DATA = {"check_text", "clean", "sentencepiece_model", "binarize"}
SETS = {"check_test_set", "test_set"}
NEURONS = {"record", "masks"}
TRAINING = {"baseline", "specialize"}
ENDS = {"decode", "score", "significance", "significance_means", "tables"}
SHOWN = {"overlap", "figures_masks", "figures_scores", "figures_training", "report"}
LINKED = {"link_databin", "link_test_set", "given_baseline", "given_system", "import_translations"}
REACH = {"ceiling"}
TOLD = {"off_target"}
MEANS = {"significance_means", "tables"}
ALL = DATA | SETS | NEURONS | TRAINING | ENDS | SHOWN | REACH | {"identifier"} | TOLD
PAIRS = "en-qa,en-qe"
NS = {"masks": {"select": "cumulative", "k": 90}}
UNTRAINED = {"masks": {"select": "top", "fraction": 0.5}, "training": {"max_update": 0}}

TEXT: dict[str, Any] = {
    "run": "tiny",
    "text": "text",
    "languages": {"table": "languages.tsv", "codes": ["en", "qa", "qe"]},
    "data": {"source": "text", "sentencepiece": {"size": 150}},
    "test_sets": {"news": "news"},
    "model": {"layers": 1, "dim": 16, "ffn_dim": 32, "heads": 2},
    "training": {
        "max_tokens": 400,
        "tokens_per_update": 400,
        "max_update": 6,
        "validate_every": 3,
        "lr": 0.005,
        "warmup": 2,
        "patience": 0,
    },
    "systems": {"baseline": {}, "ns": NS, "random": {"masks": {"select": "random", "like": "ns"}}},
    "decode": {"beam": 2, "max_length": 12},
    "score": {"significance": {"bootstrap": 20, "randomization": 200}},
}


GIVEN: dict[str, Any] = {
    "run": "tiny",
    "languages": {"table": "languages.tsv", "codes": ["en", "qa", "qe"]},
    "data": {"source": "databin", "databin": {"path": "databin"}, "sentencepiece": {"model": "pieces.model"}},
    "baseline": {"checkpoint": {"path": "baseline.pt"}},
    "training": TEXT["training"],
    "systems": {
        "baseline": {},
        "released": {"checkpoint": {"path": "ns.pt"}, **NS},
        "elsewhere": {"translations": "elsewhere"},
    },
    "decode": TEXT["decode"],
    "score": {**TEXT["score"], "published": "published.csv"},
}
CONFIGS = {"text": TEXT, "given": GIVEN}
"""The configurations of the runs that changes are made to: all from text, and all from what a run of it has made."""


@dataclass(frozen=True)
class Change:
    """One change: `edit` gets the configuration (to be changed in place) and the working folder of the run `base`.

    `must` are the stages that the dry run has to plan, `must_not` those it must leave alone. CI plans all changes, and
    runs those that are `executed` to the end. `same_end`: the change can make no difference in the end. `refused`: both
    ends are these words instead, since what is given goes with nothing else.
    """

    name: str
    edit: Callable[[dict[str, Any], Path], None]
    must: set[str] = field(default_factory=set)
    must_not: set[str] = field(default_factory=set)
    executed: bool = False
    arguments: tuple[str, ...] = ()
    same_end: bool = False
    refused: str = ""
    base: str = "text"


def key(path: str, value: Any) -> Callable[[dict[str, Any], Path], None]:
    """Set a key of the configuration, `a.b.c`; None removes it."""

    def edit(config: dict[str, Any], _: Path) -> None:
        *parents, last = path.split(".")
        place = config
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            del place[last]
        else:
            place[last] = value

    return edit


def lines(name: str, change: Callable[[list[str]], list[str]]) -> Callable[[dict[str, Any], Path], None]:
    """Change the lines of a text file."""

    def edit(_: dict[str, Any], folder: Path) -> None:
        path = folder / name
        path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))

    return edit


def gone(pattern: str) -> Callable[[dict[str, Any], Path], None]:
    """Remove the artefacts that match."""

    def edit(_: dict[str, Any], folder: Path) -> None:
        found = list(folder.glob(f"results/tiny/{pattern}"))
        assert found or not (folder / "results").exists(), f"{pattern}: nothing to remove"
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return edit


def forgotten(_: dict[str, Any], folder: Path) -> None:
    """What Snakemake knows of how files were made."""
    shutil.rmtree(folder / ".snakemake", ignore_errors=True)


def code(module: str) -> Callable[[dict[str, Any], Path], None]:
    """Add a statement to a module of the code that runs (a copy of it in the working folder)."""

    def edit(_: dict[str, Any], folder: Path) -> None:
        path = folder / "code/workflow_scripts" / module
        path.write_text(path.read_text(encoding="utf-8") + "\n\nCHANGED = True\n", encoding="utf-8")

    return edit


def nothing(_: dict[str, Any], __: Path) -> None:
    """No change at all."""


def touched(_: dict[str, Any], folder: Path) -> None:
    """A text file with a new time and the same content."""
    os.utime(folder / "text/train.en-qa.en")


def moved(config: dict[str, Any], folder: Path) -> None:
    """The text lies elsewhere."""
    shutil.move(folder / "text", folder / "elsewhere")
    config["text"] = "elsewhere"


def packed(_: dict[str, Any], folder: Path) -> None:
    """A test file packed by gzip: other bytes, the same lines."""
    path = folder / "text/test.en-qa.en"
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()


def third_language(config: dict[str, Any], _: Path) -> None:
    """A language more, whose text is there."""
    config["languages"]["codes"] = ["en", "qa", "qe", "qi"]


def without_language(config: dict[str, Any], _: Path) -> None:
    """A language less."""
    config["languages"]["codes"] = ["en", "qa"]


def tier(_: dict[str, Any], folder: Path) -> None:
    """A language of another tier."""
    path = folder / "languages.tsv"
    path.write_text(path.read_text().replace("\tmedium", "\tlow"))


def curly(rows: list[str]) -> list[str]:
    """Normalization hides it, a reader of the references sees it."""
    return [f"“{rows[0]}”", *rows[1:]]


def first_changed(rows: list[str]) -> list[str]:
    return [rows[1], *rows[1:]]


def both(*edits: Callable[[dict[str, Any], Path], None]) -> Callable[[dict[str, Any], Path], None]:
    """Several changes at once."""

    def edit(config: dict[str, Any], folder: Path) -> None:
        for one in edits:
            one(config, folder)

    return edit


def other_weights(_: dict[str, Any], folder: Path) -> None:
    """The given baseline is another model."""
    content = read_raw(folder / "baseline.pt")
    content["model"]["decoder.layers.0.fc2.bias"] += 1
    torch.save(content, folder / "baseline.pt")


def pinned(config: dict[str, Any], folder: Path) -> None:
    """The digest of the given baseline stands in the configuration."""
    config["baseline"]["checkpoint"]["sha256"] = sha256(folder / "baseline.pt")


def databin_moved(config: dict[str, Any], folder: Path) -> None:
    """The data-bin lies elsewhere."""
    shutil.move(folder / "databin", folder / "elsewhere-bin")
    config["data"]["databin"]["path"] = "elsewhere-bin"


def pieces_moved(config: dict[str, Any], folder: Path) -> None:
    """The SentencePiece model has another name."""
    (folder / "pieces.model").rename(folder / "other.model")
    config["data"]["sentencepiece"]["model"] = "other.model"


def replaced(split: str, by: str) -> Callable[[dict[str, Any], Path], None]:
    """The data of a pair in one split of the data-bin is that of another split: the same folder, other files."""

    def edit(_: dict[str, Any], folder: Path) -> None:
        for path in (folder / "databin").glob(f"{by}.en-qa.*"):
            shutil.copyfile(path, path.with_name(path.name.replace(by, split, 1)))

    return edit


def one_word_more(rows: list[str]) -> list[str]:
    return [f"{rows[0]} more", *rows[1:]]


def other_score(rows: list[str]) -> list[str]:
    return [*rows[:-1], rows[-1].replace("1.5", "2.5")]


AFTER_DATA = ALL - SETS - DATA
CHANGES = [
    Change("nothing", nothing, must_not=ALL, same_end=True),
    Change("a touched text file", touched, must_not=ALL, same_end=True),
    # Text
    Change("training text", lines("text/train.en-qa.en", first_changed), must=ALL - {"check_test_set"} - REACH),
    Change(
        "validation text", lines("text/valid.en-qa.en", first_changed), must=TRAINING | NEURONS | ENDS | {"binarize"}
    ),
    Change(
        "a corrected reference",
        lines("text/test.en-qa.en", curly),
        SETS | ENDS | REACH | TOLD,
        DATA | TRAINING | NEURONS,
    ),
    Change("a test source", lines("text/test.en-qa.qa", first_changed), SETS | ENDS, DATA | TRAINING | NEURONS),
    Change("a reference of a further test set", lines("news/test.qa", curly), SETS | ENDS, DATA | TRAINING | NEURONS),
    Change("a test file packed", packed, SETS | ENDS, DATA | TRAINING | NEURONS, same_end=True),
    Change("the text lies elsewhere", moved, {"check_text", "clean"}, same_end=True),
    # Languages
    Change(
        "the tier of a language", tier, {"tables", "report"}, DATA | SETS | TRAINING | NEURONS | {"decode", "score"}
    ),
    Change("a language more", third_language, ALL),
    Change("a language less", without_language, DATA | TRAINING | NEURONS | ENDS),
    Change("another order of languages", key("languages.codes", ["en", "qe", "qa"]), TRAINING | NEURONS | ENDS),
    Change("some directions only", key("pairs", "en-qa,qe-en"), MEANS, ALL - MEANS),
    # Data
    Change("cleaning", key("data.clean.max_words", 4), ALL - {"check_text", "check_test_set"} - REACH),
    Change(
        "punctuation",
        key("data.clean.punctuation", True),
        {"clean", "test_set", "baseline", "decode"} | REACH,
        {"check_text", "check_test_set"},
    ),
    Change("the test set is held out", key("data.clean.held_out", ["valid", "test"]), {"clean", "baseline"}),
    Change(
        "pieces",
        key("data.sentencepiece.size", 140),
        {"sentencepiece_model", "baseline", "test_set", "decode"},
        {"clean"},
    ),
    Change("longest lines", key("data.clean.max_pieces", 20), {"binarize", "baseline"}, {"sentencepiece_model"}),
    Change(
        "another test set", key("test_sets.news", "text"), {"test_set", "decode", "tables"}, DATA | TRAINING | NEURONS
    ),
    Change("a test set less", key("test_sets.news", None), {"tables", "report"}, ALL - SHOWN - {"tables"}),
    # Model and training
    Change("the model", key("model.ffn_dim", 40), TRAINING | NEURONS | ENDS, DATA | SETS),
    Change("the learning rate", key("training.lr", 0.004), TRAINING | NEURONS | ENDS, DATA | SETS),
    Change("a longer baseline", key("baseline.training", {"max_update": 8}), TRAINING | NEURONS | ENDS, DATA | SETS),
    Change(
        "longer specialization",
        key("specialize.training", {"max_update": 9}),
        {"specialize"} | ENDS,
        DATA | SETS | NEURONS | {"baseline"},
    ),
    Change("which weights are kept", key("training.keep", "last"), TRAINING, DATA | SETS),
    Change("the seed", key("seed", 7), TRAINING | {"significance", "significance_means"}),
    Change("data loading processes", key("training.workers", 1), must_not=ALL, same_end=True),
    Change("how often a training may come back", key("jobs.continuations", 7), must_not=ALL, same_end=True),
    Change("directions per job", key("jobs.directions_per_job", 2), must_not=ALL, same_end=True),
    Change(
        "a named training", key("jobs.retrain", ["ns"]), {"specialize"}, DATA | NEURONS | {"baseline"}, same_end=True
    ),
    # Neurons and systems
    Change(
        "positions that count",
        key("systems.ns.masks.positions", "all"),
        {"masks", "specialize"} | ENDS,
        {"baseline", "record"},
    ),
    Change("k", key("systems.ns.masks.k", 60), {"masks", "specialize"} | ENDS, {"baseline", "record"}),
    Change(
        "another criterion",
        key("systems.ns.masks", {"select": "top", "fraction": 0.5}),
        {"masks", "specialize"} | ENDS,
        {"baseline", "record"},
    ),
    Change(
        "another system is copied",
        both(key("systems.top", UNTRAINED), key("systems.random.masks.like", "top")),
        {"masks", "specialize"} | ENDS,
        {"baseline", "record"},
    ),
    Change("components", key("systems.ns.masks.components", ["encoder"]), {"masks", "specialize"} | ENDS, {"record"}),
    Change("the seed of random masks", key("systems.random.masks.seed", 5), {"masks", "specialize"} | ENDS, {"record"}),
    Change(
        "a system more",
        key("systems.dense", {"continue": True}),
        {"specialize", "report"} | ENDS,
        NEURONS | {"baseline"},
    ),
    Change(
        "a system less",
        key("systems.random", None),
        {"tables", "report"},
        DATA | SETS | TRAINING | NEURONS | {"decode", "score", "significance"},
        executed=True,
    ),
    # Decoding and scores
    Change(
        "how much of the text languages are learned from",
        key("score.identification_lines", 5),
        {"identifier", "tables"} | TOLD,
        DATA | SETS | TRAINING | NEURONS | ENDS - {"tables"},
    ),
    Change(
        "nobody tells languages",
        key("score.language_identification", "none"),
        {"tables"},
        DATA | SETS | TRAINING | NEURONS | ENDS - {"tables"} | {"identifier"} | TOLD,
    ),
    Change("the beam", key("decode.beam", 1), ENDS | TOLD, DATA | SETS | TRAINING | NEURONS),
    Change("the engine", key("decode.engine", "ctranslate2"), ENDS, DATA | SETS | TRAINING | NEURONS),
    Change(
        "BLEU's tokenizer",
        key("score.bleu_tokenize", {"default": "char"}),
        ENDS - {"decode"} | REACH,
        {"decode"},
    ),
    Change(
        "a metric more",
        key("score.metrics", ["bleu", "chrf++", "ter"]),
        (ENDS - {"decode"}) | {"figures_scores", "report"} | REACH,
        DATA | SETS | TRAINING | NEURONS | {"decode"},
    ),
    Change("metrics in another order", key("score.metrics", ["chrf++", "bleu"]), {"report"}, ALL - {"report"}),
    Change(
        "the contrast",
        key("score.against", "random"),
        {"significance", "significance_means", "tables", "figures_scores", "report"},
        DATA | SETS | TRAINING | NEURONS | {"decode", "score"},
    ),
    Change(
        "a contrast more",
        key("score.against", ["baseline", "random"]),
        {"significance", "significance_means", "tables", "figures_scores", "report"},
        DATA | SETS | TRAINING | NEURONS | {"decode", "score"},
    ),
    Change(
        "trials",
        key("score.significance", {"bootstrap": 20, "randomization": 220}),
        {"significance", "significance_means"},
        {"score"},
    ),
    Change(
        "replicates",
        key("score.replicates", {"both": ["ns", "random"]}),
        {"tables", "report"},
        {"score", "significance"},
    ),
    Change("overlap at another k", key("report.overlap_k", 70), {"overlap", "figures_masks"}, {"masks", "tables"}),
    Change(
        "masks of other directions",
        key("report.crossed", ["ns"]),
        {"crossed", "crossed_scores", "figures_crossed", "report"},
        DATA | SETS | TRAINING | NEURONS | ENDS,
    ),
    # Code
    Change("code of a metric that is not computed", code("scoring/metrics/ter.py"), must_not=ALL, same_end=True),
    Change(
        "code of metrics",
        code("scoring/sacrebleu_scorer.py"),
        ENDS - {"decode"} | REACH,
        TRAINING | NEURONS | {"decode"},
        executed=True,
        same_end=True,
    ),
    Change(
        "code of the recorder", code("fairseq_plugin/recorder.py"), {"record", "masks"}, {"baseline"}, same_end=True
    ),
    Change("code of beam search", code("fairseq_plugin/beam_search.py"), ENDS, TRAINING | NEURONS, same_end=True),
    Change("code of training", code("fairseq_plugin/loop.py"), must_not=ALL, same_end=True),
    Change("code of tables", code("scoring/tables.py"), {"tables", "report"}, {"score", "decode"}, same_end=True),
    Change(
        "code of a figure",
        code("reporting/mask_figures.py"),
        {"figures_masks", "report"},
        {"overlap", "masks"},
        same_end=True,
    ),
    # Artefacts that are gone
    Change(
        "a translation is gone",
        gone("translations/ns/en-qa.parquet"),
        {"decode"},
        TRAINING,
        same_end=True,
    ),
    Change(
        "a hypothesis text is gone", gone("translations/ns/news/qa-en.hyp.txt"), {"decode"}, TRAINING, same_end=True
    ),
    Change("masks are gone", gone("masks/ns.parquet"), {"masks"}, {"baseline", "record"}, same_end=True),
    Change("activations are gone", gone("activations/en-qa.parquet"), {"record"}, {"baseline"}, same_end=True),
    Change("languages told are gone", gone("scores/ns/en-qa.language.json"), TOLD, {"decode", "score"}, same_end=True),
    Change("a ceiling is gone", gone("ceilings/news/en-qa.json"), REACH, {"decode", "score"}, same_end=True),
    Change(
        "a score is gone",
        gone("scores/ns/en-qa.json"),
        {"score"},
        {"decode", "specialize"},
        executed=True,
        same_end=True,
    ),
    Change(
        "segments are gone",
        gone("scores/ns/en-qa.segments.parquet"),
        {"score"},
        {"decode"},
        executed=True,
        same_end=True,
    ),
    Change(
        "a test is gone",
        gone("significance/baseline/ns/en-qa.json"),
        {"significance"},
        {"decode"},
        executed=True,
        same_end=True,
    ),
    Change(
        "a checkpoint is gone",
        gone("systems/ns/checkpoint.pt"),
        {"specialize"},
        {"baseline", "record", "masks"},
        executed=True,
        same_end=True,
    ),
    Change(
        "curves are gone",
        gone("systems/ns/training.csv"),
        {"specialize"},
        {"baseline", "record", "masks"},
        same_end=True,
    ),
    Change(
        "a table is gone", gone("tables/summary.csv"), {"tables"}, {"score", "decode"}, executed=True, same_end=True
    ),
    Change(
        "a figure is gone",
        gone("figures/training.pdf"),
        {"figures_training"},
        {"figures_masks", "tables"},
        same_end=True,
    ),
    Change("a test set is gone", gone("data/tests/test/manifest.json"), {"test_set"}, DATA | TRAINING, same_end=True),
    Change("the data-bin is gone", gone("data/bin"), must_not=ALL, same_end=True),
    Change(
        "k, once data-bin and test text are gone",
        both(key("systems.ns.masks.k", 60), gone("data/bin"), gone("data/tests/test/text")),
        {"binarize", "test_set", "masks", "specialize"} | ENDS,
        {"clean", "sentencepiece_model"},
    ),
    Change("Snakemake's record is gone", forgotten, ALL, same_end=True),
    Change(
        "k, once Snakemake's record is gone",
        both(key("systems.ns.masks.k", 60), forgotten),
        {"masks", "specialize"} | ENDS,
    ),
    Change("the report is gone", gone("report.html"), {"report"}, ALL - {"report"}, same_end=True),
    # Asked for by name
    Change(
        "scores again by force", nothing, {"score"}, {"decode"}, arguments=("-R", "score"), executed=True, same_end=True
    ),
    Change("everything again by force", nothing, ALL, arguments=("-F",), same_end=True),
    # What is given
    Change("nothing, all given", nothing, must_not=ALL | LINKED, same_end=True, base="given"),
    Change(
        "another given baseline",
        other_weights,
        {"given_baseline"} | NEURONS | ENDS,
        {"link_databin", "link_test_set", "given_system", "import_translations"},
        base="given",
    ),
    Change("a digest pinned", pinned, {"given_baseline"}, {"link_databin"}, same_end=True, base="given"),
    Change("the data-bin lies elsewhere", databin_moved, {"link_databin"}, same_end=True, base="given"),
    # The given checkpoint was trained under the masks of the old counts.
    Change(
        "validation data of the data-bin",
        replaced("valid", "test"),
        {"link_databin"} | NEURONS,
        refused="was trained under masks",
        base="given",
    ),
    Change(
        "test data of the data-bin",
        replaced("test", "valid"),
        {"link_test_set"} | ENDS,
        {"link_databin"} | NEURONS,
        refused="elsewhere has 8 segments, baseline 12",
        base="given",
    ),
    Change("the SentencePiece model lies elsewhere", pieces_moved, {"link_databin"}, same_end=True, base="given"),
    Change(
        "an existing translation",
        lines("elsewhere/en-qa/hyp.txt", one_word_more),
        {"import_translations"} | ENDS - {"decode"},
        LINKED - {"import_translations"} | NEURONS | {"decode"},
        base="given",
    ),
    Change(
        "published scores",
        lines("published.csv", other_score),
        {"tables", "report"},
        LINKED | NEURONS | {"score"},
        base="given",
    ),
]
"""Every single change, with what it must and must not make Snakemake run."""
