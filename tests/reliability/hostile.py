"""A run whose every string is hostile: names of files and folders, names that are shown, and sentences."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT
from workflow_scripts.files import sha256
from workflow_scripts.reporting.page import TEMPLATE

HOSTILE = """a b'c"d$(touch OWNED1)`touch OWNED2`;touch OWNED3;#&|>OWNED4 \\<img src=x onerror=alert(1)>%s*?[x]~!"""
"""A name of files and folders: all that a shell, HTML, or a pattern could take for its own; no slash, no brace."""
SHOWN = "<script>alert(1)</script>$(touch OWNED5)`touch OWNED6`'\"&"
"""What is shown."""
MADE = {"results", "logs", "benchmarks", ".snakemake"}
"""What Snakemake and the run put into the working folder."""
TABLE = f"l{HOSTILE}"
OUTPUTS = f"o{HOSTILE}"


OWN = re.findall("<script>(.*?)</script>", TEMPLATE.read_text(encoding="utf-8"), re.DOTALL)
"""The scripts that every report has."""


class Elements(HTMLParser):
    """The elements of a page that could run anything: scripts, and attributes that begin with `on`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        for script in OWN:
            page = page.replace(f"<script>{script}</script>", "", 1)
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note such an element."""
        told = dict(attrs)
        own = tag == "img" and (told.get("src") or "").startswith("data:image/")
        if tag in ("script", "img", "iframe", "object") and not own:
            self.found.append(f"{tag} {told}")
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]


def fill(work: Path) -> None:
    """What there is to score: existing translations, published scores, and a language table."""
    codes = {"en": "", "qa": "high", "qe": "medium", "xi": "low"}
    rows = ["code\tname\tfamily\tscript\ttier"]
    rows += [
        "\t".join([code, *(f"{each}{SHOWN}" for each in (code, "family", "Latin", tier))])
        for code, tier in codes.items()
    ]
    (work / TABLE).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    quoted = SHOWN.replace('"', '""')
    scores = f'system,pair,metric,score\n"x{quoted}",en-qa,BLEU,1.5\nelsewhere,en-qa,BLEU,2\n'
    (work / f"p{HOSTILE}").write_text(scores, encoding="utf-8")
    for pair in ("en-qa", "qa-en"):
        folder = work / OUTPUTS / f"e{HOSTILE}" / pair
        folder.mkdir(parents=True)
        for role in ("src", "ref", "hyp"):
            lines = (f"sentence {number} of {role} {SHOWN}\n" for number in range(12))
            (folder / f"{role}.txt").write_text("".join(lines), encoding="utf-8")


SCORED: dict[str, Any] = {
    "run": "hostile",
    "outputs": OUTPUTS,
    "languages": {"table": TABLE, "codes": ["en", "qa"]},
    "data": {"source": "none"},
    "systems": {"elsewhere": {"translations": f"e{HOSTILE}"}},
    "score": {"metrics": ["bleu"], "published": f"p{HOSTILE}", "language_identification": "none"},
}


def snakemake(work: Path, config: dict[str, Any], *targets: str) -> None:
    """Run Snakemake in `work` to its end."""
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


def reached(work: Path, before: dict[str, str], runs: set[str]) -> Iterator[str]:
    """What the strings of `runs` in `work` have reached: files, elements of pages, formulas."""
    if given(work) != before:
        yield "files that the run was given are others now"
    yield from (f"{path.name} is there" for path in work.parent.rglob("*OWNED*") if "touch" not in path.name)
    known = {work.name, "home"}
    yield from (f"{path.name} is there" for path in work.parent.iterdir() if path.name not in known)
    yield from (f"results/{path.name} is there" for path in (work / "results").iterdir() if path.name not in runs)
    for path in (work / "results").rglob("*.html"):
        elements = Elements(path.read_text(encoding="utf-8"))
        yield from (f"{path.name} has {each}" for each in elements.found)
    for path in (work / "results").rglob("*.svg"):
        if "<script" in path.read_text(encoding="utf-8"):
            yield f"{path.name} has a script"
    for path in (work / "results").rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        yield from (f"{path.name} has the cell {cell!r}" for cell in cells if cell.startswith(("=", "@", "+", "\t")))


def scored(place: Path) -> str | None:
    """Make such a run of existing translations, from a folder with such a name; what its strings have reached."""
    work = place / f"work {HOSTILE}"
    work.mkdir()
    fill(work)
    before = given(work)
    snakemake(work, SCORED)
    assert "alert(1)" in (work / "results/hostile/report.html").read_text(encoding="utf-8")
    return "; ".join(reached(work, before, {"hostile"})) or None
