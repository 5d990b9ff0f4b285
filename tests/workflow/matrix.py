"""A matrix of single changes: what must run after each, what must not, and that the end equals a run from nothing.

    python -m tests.workflow.matrix [NAME …]        # `make matrix`: plans all changes, and executes all

`tests.workflow.changes` is the table. A change that is executed is compared, table by table, with a run of the changed
state from nothing (that before the change, where the change can make no difference in the end).
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, call, synthetic
from tests.workflow.changes import CHANGES, CONFIGS, Change
from workflow_scripts.files import sha256

CODES = ("code", "en", "qa", "qe", "qi")


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
        sizes = {"train": {"high": 120, "medium": 80, "low": 60}, "valid": 12, "test": 8}
        arguments = ("--languages", folder / "languages.tsv", "--pairs", "en-qa,en-qe,en-qi", *synthetic(sizes))
        call("make_text", *arguments, "--seed", 3, "--output", folder / "text").ok()
        (folder / "news").mkdir()
        for code_ in ("en", "qa"):
            shutil.copy(folder / f"text/test.en-qa.{code_}", folder / f"news/test.{code_}")
        code_folder = folder / "code"
        for name in ("Snakefile", "rules", "config", "profiles", "workflow_scripts"):
            copy_ = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            (code_folder).mkdir(exist_ok=True)
            copy_(ROOT / name, code_folder / name)
        site = cls(folder)
        site.configure(CONFIGS["text"])
        return site

    @classmethod
    def given(cls, folder: Path, made: Site) -> Site:
        """What a finished run made, for another to be given: data-bin, checkpoints, translations and scores."""
        results = made.folder / "results/tiny"
        shutil.copytree(made.folder / "code", folder / "code")
        shutil.copy(made.folder / "languages.tsv", folder)
        for part in ("data/bin", "data/tests/test/bin"):
            shutil.copytree(results / part, folder / "databin", dirs_exist_ok=True)
        shutil.copy(results / "data/sentencepiece.model", folder / "pieces.model")
        shutil.copy(results / "baseline/checkpoint.pt", folder / "baseline.pt")
        shutil.copy(results / "systems/ns/checkpoint.pt", folder / "ns.pt")
        (folder / "elsewhere/en-qa").mkdir(parents=True)
        for role in ("hyp", "ref", "src"):
            shutil.copy(results / f"translations/random/en-qa.{role}.txt", folder / f"elsewhere/en-qa/{role}.txt")
        (folder / "published.csv").write_text("system,pair,metric,score\nbaseline,en-qa,BLEU,1.5\n", encoding="utf-8")
        site = cls(folder)
        site.configure(CONFIGS["given"])
        return site

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the configuration."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(copy.deepcopy(dict(config))), encoding="utf-8")

    @property
    def options(self) -> list[str]:
        """What every Snakemake here is called with."""
        return ["--snakefile", str(self.folder / "code/Snakefile"), "--directory", str(self.folder),
                "--configfile", str(self.folder / "config.yaml")]  # fmt: skip

    def run(self, *arguments: str, ends: bool = True) -> str:
        """Run Snakemake, on both cores, to the end, or to one that it must not reach; returns what it said."""
        command = [sys.executable, "-m", "snakemake", *arguments, *self.options, "--cores", "2"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert (done.returncode == 0) == ends, (done.stdout + done.stderr)[-4000:]
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
        config = copy.deepcopy(CONFIGS[change.base])
        change.edit(config, self.folder)
        self.configure(config)
        return self

    def emptied(self) -> Site:
        """This site before its first run."""
        for name in ("results", "logs", "benchmarks", ".snakemake"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        return self

    def tables(self) -> dict[str, str]:
        """Digests of every table of the run, and of every figure's; not of curves and costs, which tell speeds."""
        results = self.folder / "results/tiny"
        return {
            str(path.relative_to(results)): sha256(path)
            for part in ("tables", "figures")
            for path in sorted((results / part).rglob("*"))
            if path.suffix in (".csv", ".md") and path.name not in ("training.csv", "costs.csv")
        }


PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from workflow_scripts.cluster.snakemake_state import due
for line in sys.stdin:
    print(json.dumps(sorted({job.stage for job in due(json.loads(line)).left})), flush=True)
"""


def finished(folder: Path) -> dict[str, Site]:
    """The runs that changes are made to, finished, by name."""
    text = Site.new(folder / "text")
    text.run()
    given = Site.given(folder / "given", text)
    given.run()
    return {"text": text, "given": given}


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
    fresh = base if change.same_end else base.copied(folder / "fresh").emptied().changed(change)
    if change.refused:
        for site in (after, fresh):
            if change.refused not in site.run(*change.arguments, ends=False):
                yield f"{site.folder.name}: {change.refused} is not said"
        shutil.rmtree(folder)
        return
    after.run(*change.arguments)
    if fresh is not base:
        fresh.run()
    ours, theirs = after.tables(), fresh.tables()
    yield from (f"{name} differs from a run from nothing" for name in theirs if ours.get(name) != theirs[name])
    if "Nothing to be done" not in after.run():
        yield "a second run does something"
    shutil.rmtree(folder)


def tried(base: Site, change: Change, folder: Path) -> list[str]:
    """Plan a change, then execute it; prints and returns what was wrong."""
    try:
        site = base.copied(folder / "planned").changed(change)
        found = [*wrong(change, site.plan(*change.arguments)), *executed(base, change, folder / "executed")]
        shutil.rmtree(folder)
    except AssertionError as error:
        found = str(error).splitlines()
    print(f"{'FAIL' if found else 'ok  '} {change.name}" + "".join(f"\n     {line}" for line in found), flush=True)
    return found


def main() -> None:
    names = sys.argv[1:]
    asked = [change for change in CHANGES if not names or change.name in names]
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(os.cpu_count()) as pool:
        bases = finished(Path(name))
        jobs = [
            pool.submit(tried, bases[change.base], change, Path(name) / str(number))
            for number, change in enumerate(asked)
        ]
        found = [job.result() for job in jobs]
    sys.exit(any(found))


if __name__ == "__main__":
    main()
