"""A matrix of single changes: what must run after each, what must not, and that the end equals a run from nothing.

    python -m tests.workflow.matrix [NAME …]        # `make matrix`: plans all changes, executes all that can be

`CHANGES` is the table. A change edits the configuration, or the files of a finished tiny run on text. `must` are the
stages that the dry run has to plan, `must_not` those it must leave alone; `executed` are the changes that CI also runs
and compares, table by table, with a run of the changed state from nothing (that before the change, where the change
can make no difference in the end: `same_end`).
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, call
from workflow_scripts.files import sha256

DATA = {"check_text", "clean", "sentencepiece_model", "binarize"}
SETS = {"check_test_set", "test_set"}
NEURONS = {"record", "masks"}
TRAINING = {"baseline", "specialize"}
ENDS = {"decode", "score", "significance", "tables"}
SHOWN = {"overlap", "figures_masks", "figures_scores", "figures_training", "report"}
ALL = DATA | SETS | NEURONS | TRAINING | ENDS | SHOWN
PAIRS = "en-qa,en-qe"
NS = {"masks": {"select": "cumulative", "k": 90}}

CONFIG: dict[str, Any] = {
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
    "score": {"significance": {"bootstrap": 20, "randomization": 20}},
}


@dataclass(frozen=True)
class Change:
    """One change; `edit` gets the configuration (to be changed in place) and the working folder."""

    name: str
    edit: Callable[[dict[str, Any], Path], None]
    must: set[str] = field(default_factory=set)
    must_not: set[str] = field(default_factory=set)
    executed: bool = False
    arguments: tuple[str, ...] = ()
    same_end: bool = False


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
        assert found, f"{pattern}: nothing to remove"
        for path in found:
            path.unlink()

    return edit


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


def one_more(rows: list[str]) -> list[str]:
    return [*rows, rows[0]]


AFTER_DATA = ALL - SETS - DATA
CHANGES = [
    Change("nothing", nothing, must_not=ALL, same_end=True),
    Change("a touched text file", touched, must_not=ALL, same_end=True),
    # Text
    Change("training text", lines("text/train.en-qa.en", first_changed), must=ALL - {"check_test_set"}),
    Change(
        "validation text", lines("text/valid.en-qa.en", first_changed), must=TRAINING | NEURONS | ENDS | {"binarize"}
    ),
    Change(
        "a corrected reference",
        lines("text/test.en-qa.en", curly),
        SETS | ENDS,
        DATA | TRAINING | NEURONS,
        executed=True,
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
    Change("some directions only", key("pairs", "en-qa,qe-en"), {"tables"}, ALL - {"tables"}),
    # Data
    Change("cleaning", key("data.clean.max_words", 4), ALL - {"check_text", "check_test_set"}),
    Change("punctuation", key("data.clean.punctuation", False), {"clean", "test_set", "baseline", "decode"}),
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
    Change("the seed", key("seed", 7), TRAINING | {"significance"}),
    Change("data loading processes", key("training.workers", 1), must_not=ALL, same_end=True),
    Change("how often a training may come back", key("jobs.continuations", 7), must_not=ALL, same_end=True),
    Change("directions per job", key("jobs.directions_per_job", 2), must_not=ALL, same_end=True),
    Change(
        "a named training", key("jobs.retrain", ["ns"]), {"specialize"}, DATA | NEURONS | {"baseline"}, same_end=True
    ),
    # Neurons and systems
    Change("positions that count", key("activations.positions", "all"), NEURONS | {"specialize"} | ENDS, {"baseline"}),
    Change("k", key("systems.ns.masks.k", 60), {"masks", "specialize"} | ENDS, {"baseline", "record"}, executed=True),
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
    Change("the beam", key("decode.beam", 1), ENDS, DATA | SETS | TRAINING | NEURONS),
    Change("the engine", key("decode.engine", "ctranslate2"), ENDS, DATA | SETS | TRAINING | NEURONS),
    Change(
        "BLEU's tokenizer",
        key("score.bleu_tokenize", {"default": "char"}),
        ENDS - {"decode"},
        {"decode"},
    ),
    Change(
        "the contrast",
        key("score.against", "random"),
        {"significance", "tables", "figures_scores", "report"},
        DATA | SETS | TRAINING | NEURONS | {"decode", "score"},
    ),
    Change("trials", key("score.significance", {"bootstrap": 20, "randomization": 30}), {"significance"}, {"score"}),
    Change(
        "replicates",
        key("score.replicates", {"both": ["ns", "random"]}),
        {"tables", "report"},
        {"score", "significance"},
    ),
    Change("overlap at another k", key("report.overlap_k", 70), {"overlap", "figures_masks"}, {"masks", "tables"}),
    # Code
    Change(
        "code of metrics",
        code("scoring/metrics.py"),
        ENDS - {"decode"},
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
        executed=True,
        same_end=True,
    ),
    Change(
        "a hypothesis text is gone", gone("translations/ns/news/qa-en.hyp.txt"), {"decode"}, TRAINING, same_end=True
    ),
    Change("masks are gone", gone("masks/ns.parquet"), {"masks"}, {"baseline", "record"}, executed=True, same_end=True),
    Change("activations are gone", gone("activations/en-qa.parquet"), {"record"}, {"baseline"}, same_end=True),
    Change("a score is gone", gone("scores/ns/en-qa.json"), {"score"}, {"decode", "specialize"}, same_end=True),
    Change("segments are gone", gone("scores/ns/en-qa.segments.parquet"), {"score"}, {"decode"}, same_end=True),
    Change("a test is gone", gone("significance/baseline/ns/en-qa.json"), {"significance"}, {"decode"}, same_end=True),
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
    Change("a table is gone", gone("tables/summary.csv"), {"tables"}, {"score", "decode"}, same_end=True),
    Change(
        "a figure is gone",
        gone("figures/training.png"),
        {"figures_training"},
        {"figures_masks", "tables"},
        same_end=True,
    ),
    Change("a test set is gone", gone("data/tests/test/manifest.json"), {"test_set"}, DATA | TRAINING, same_end=True),
    Change("the report is gone", gone("report.html"), {"report"}, ALL - {"report"}, same_end=True),
    # Asked for by name
    Change(
        "scores again by force", nothing, {"score"}, {"decode"}, arguments=("-R", "score"), executed=True, same_end=True
    ),
    Change("everything again by force", nothing, ALL, arguments=("-F",), same_end=True),
]
"""Every single change, with what it must and must not make Snakemake run."""


@dataclass(frozen=True)
class Site:
    """A working folder with a configuration, text, and its own copy of the code."""

    folder: Path

    @classmethod
    def new(cls, folder: Path) -> Site:
        """Text of three pairs, a further multi-parallel test set, and the code."""
        rows = (ROOT / "config/languages/synthetic.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "languages.tsv").write_text("".join(row for row in rows if row.split("\t")[0] in CODES))
        sizes = '{"train": {"high": 120, "medium": 80, "low": 60}, "valid": 12, "test": 8}'
        arguments = ("--languages", folder / "languages.tsv", "--pairs", "en-qa,en-qe,en-qi", "--sizes", sizes)
        call("synthesize", *arguments, "--seed", 3, "--output", folder / "text").ok()
        (folder / "news").mkdir()
        for code_ in ("en", "qa"):
            shutil.copy(folder / f"text/test.en-qa.{code_}", folder / f"news/test.{code_}")
        code_folder = folder / "code"
        for name in ("Snakefile", "rules", "config", "profiles", "workflow_scripts"):
            copy_ = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            (code_folder).mkdir(exist_ok=True)
            copy_(ROOT / name, code_folder / name)
        site = cls(folder)
        site.configure(CONFIG)
        return site

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the configuration."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(copy.deepcopy(dict(config))), encoding="utf-8")

    @property
    def options(self) -> list[str]:
        """What every Snakemake here is called with."""
        return ["--snakefile", str(self.folder / "code/Snakefile"), "--directory", str(self.folder),
                "--configfile", str(self.folder / "config.yaml")]  # fmt: skip

    def run(self, *arguments: str) -> str:
        """Run Snakemake to the end, on both cores; returns what it said."""
        command = [sys.executable, "-m", "snakemake", *arguments, *self.options, "--cores", "2"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return done.stdout + done.stderr

    def plan(self, *arguments: str) -> set[str]:
        """The stages that Snakemake would run."""
        return planned([(self, arguments)])[0]

    def copied(self, folder: Path) -> Site:
        """The same state in another folder; times are kept, so that Snakemake sees no change."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Site(folder)

    def changed(self, change: Change) -> Site:
        """This site after a change."""
        config = copy.deepcopy(CONFIG)
        change.edit(config, self.folder)
        self.configure(config)
        return self

    def emptied(self) -> Site:
        """This site before its first run."""
        for name in ("results", "logs", "benchmarks", ".snakemake"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        return self

    def tables(self) -> dict[str, str]:
        """Digests of every table of the run, and of every figure's; not of the curves, which tell speeds."""
        results = self.folder / "results/tiny"
        return {
            str(path.relative_to(results)): sha256(path)
            for part in ("tables", "figures")
            for path in sorted((results / part).rglob("*"))
            if path.suffix in (".csv", ".md") and path.name != "training.csv"
        }


CODES = ("code", "en", "qa", "qe", "qi")


PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from workflow_scripts.cluster.snakemake_state import due
for line in sys.stdin:
    print(json.dumps(sorted({job.stage for job in due(json.loads(line)).left})), flush=True)
"""


def planned(sites: Sequence[tuple[Site, Sequence[str]]]) -> list[set[str]]:
    """The stages that Snakemake would run in each of some sites, all with the code of the first, in one process."""
    command = [sys.executable, "-c", PROGRAM, str(sites[0][0].folder / "code")]
    lines_ = "".join(json.dumps([*arguments, *site.options]) + "\n" for site, arguments in sites)
    done = subprocess.run(command, input=lines_, capture_output=True, text=True, check=False, cwd=sites[0][0].folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return [set(json.loads(line)) for line in done.stdout.splitlines()]


def wrong(change: Change, planned: set[str]) -> list[str]:
    """How a plan differs from what the change must and must not make run."""
    return [
        *(f"{stage} is not planned" for stage in sorted(change.must - planned)),
        *(f"{stage} is planned" for stage in sorted(change.must_not & planned)),
    ]


def executed(base: Site, change: Change, folder: Path) -> Iterator[str]:
    """Run a change on top of `base` and from nothing; yields what differs."""
    after = base.copied(folder / "after").changed(change)
    after.run(*change.arguments)
    fresh = base if change.same_end else base.copied(folder / "fresh").emptied().changed(change)
    if fresh is not base:
        fresh.run()
    ours, theirs = after.tables(), fresh.tables()
    yield from (f"{name} differs from a run from nothing" for name in theirs if ours.get(name) != theirs[name])
    if "Nothing to be done" not in after.run():
        yield "a second run does something"
    shutil.rmtree(folder)


def main() -> None:
    names = sys.argv[1:]
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        base = Site.new(Path(name) / "base")
        base.run()
        for change in CHANGES:
            if names and change.name not in names:
                continue
            site = base.copied(Path(name) / "site").changed(change)
            found = wrong(change, site.plan(*change.arguments))
            shutil.rmtree(site.folder)
            found += executed(base, change, Path(name) / "run")
            failures += bool(found)
            print(
                f"{'FAIL' if found else 'ok  '} {change.name}" + "".join(f"\n     {line}" for line in found), flush=True
            )
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
