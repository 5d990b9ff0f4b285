"""A run whose every string is hostile goes to its end: nothing is executed, and the report shows it as text."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, TinyRun
from workflow_scripts.files import sha256

HOSTILE = """a b'c"d$(touch OWNED1)`touch OWNED2`;touch OWNED3;#&|>OWNED4 \\<img src=x onerror=alert(1)>%s*?[x]~!"""
"""A name of files and folders: all that a shell, HTML, or a pattern could take for its own; no slash, no brace."""
SHOWN = "<script>alert(1)</script>$(touch OWNED5)`touch OWNED6`'\"&"
"""What is shown."""
MADE = {"results", "logs", "benchmarks", ".snakemake"}
"""What Snakemake and the run put into the working folder."""


class Elements(HTMLParser):
    """The elements of a page that could run anything: scripts, and attributes that begin with `on`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        own = tag == "img" and (told.get("src") or "").startswith("data:image/")
        if tag in ("script", "img", "iframe", "object") and not own:
            self.found.append(f"{tag} {told}")
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]


def table(text: str) -> str:
    """The language table with hostile names, families, scripts and tiers."""
    head, *rows = text.splitlines()
    cells = [row.split("\t") for row in rows]
    return "".join(
        f"{line}\n"
        for line in (head, *("\t".join([code, *(f"{each}{SHOWN}" for each in rest)]) for code, *rest in cells))
    )


@pytest.fixture
def work(tiny_run: TinyRun, tmp_path: Path) -> Path:
    """A working folder with a hostile name, and all that a run can be given, with hostile names and content."""
    data, work = tiny_run.manifest.parent, tmp_path / f"work {HOSTILE}"
    work.mkdir()
    shutil.copytree(data / "bin", work / f"bin{HOSTILE}")
    (work / f"l{HOSTILE}").write_text(
        table((tiny_run.folder / "languages.tsv").read_text(encoding="utf-8")), encoding="utf-8"
    )
    shutil.copy(data / "sentencepiece.model", work / f"s{HOSTILE}")
    shutil.copy(tiny_run.checkpoint, work / f"c{HOSTILE}")
    shutil.copytree(data / "raw", work / f"t{HOSTILE}")
    quoted = SHOWN.replace('"', '""')
    rows = f'system,pair,metric,score\n"x{quoted}",en-qa,BLEU,1.5\nelsewhere,en-qa,BLEU,2\n'
    (work / f"p{HOSTILE}").write_text(rows, encoding="utf-8")
    for source, target in (("en", "qa"), ("qa", "en")):
        folder = work / f"o{HOSTILE}" / f"e{HOSTILE}" / f"{source}-{target}"
        folder.mkdir(parents=True)
        for role, code in (("src", source), ("ref", target), ("hyp", target)):
            lines = (data / f"raw/test.en-qa.{code}").read_text(encoding="utf-8").splitlines()
            (folder / f"{role}.txt").write_text("".join(f"{line} {SHOWN}\n" for line in lines), encoding="utf-8")
    return work


def snakemake(work: Path, config: dict[str, Any], *targets: str) -> None:
    (work / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile")),
            *("--cores", "1", "--configfile", "config.yaml"),
        ],
        cwd=work,
        env={**os.environ, "HOME": str(work.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def given(work: Path) -> dict[str, str]:
    """Digests of all files that no run makes."""
    found = (path for path in work.rglob("*") if path.is_file() and path.relative_to(work).parts[0] not in MADE)
    return {str(path.relative_to(work)): sha256(path) for path in found if path.name != "config.yaml"}


def test_nothing_of_a_hostile_run_is_executed_or_written_elsewhere(work):
    before = given(work)
    names = {"run": "hostile", "outputs": f"o{HOSTILE}", "languages": {"table": f"l{HOSTILE}", "codes": ["en", "qa"]}}
    scored = {
        "data": {"source": "none"},
        "systems": {"elsewhere": {"translations": f"e{HOSTILE}"}},
        "score": {"metrics": ["bleu"], "published": f"p{HOSTILE}", "language_identification": "none"},
    }
    snakemake(work, names | scored)
    read = {
        "languages": {"table": f"l{HOSTILE}", "codes": ["en", "qa", "qe", "xi"]},
        "data": {
            "source": "databin",
            "databin": {"path": f"bin{HOSTILE}"},
            "sentencepiece": {"model": f"s{HOSTILE}"},
        },
        "baseline": {"checkpoint": {"path": f"c{HOSTILE}"}},
        "systems": {"baseline": {}},
        "test_sets": {"news": f"t{HOSTILE}"},
    }
    targets = ("baseline/checkpoint.pt", "data/tests/news/checked.json")
    snakemake(work, names | {"run": "read"} | read, *(f"results/read/{target}" for target in targets))
    assert given(work) == before
    assert not [path for path in work.parent.rglob("*OWNED*") if "touch" not in path.name]
    assert {path.name for path in (work / "results").iterdir()} == {"hostile", "read"}
    assert {path.name for path in work.parent.iterdir()} <= {work.name, "home"}
    page = (work / "results/hostile/report.html").read_text(encoding="utf-8")
    # It is shown, and as text.
    assert "alert(1)" in page
    elements = Elements()
    elements.feed(page)
    assert elements.found == []
    for path in (work / "results/hostile/figures").glob("*.svg"):
        assert "<script" not in path.read_text(encoding="utf-8")
    for path in (work / "results/hostile/tables").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(("=", "@", "+", "\t"))]
