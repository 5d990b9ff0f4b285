"""The tiny runs that are killed: of every stage, in two versions that differ in everything they make."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import threading
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.reliability import interposition
from workflow_scripts.cluster.snakemake_state import stage_of
from workflow_scripts.files import sha256

CODE = ("Snakefile", "rules", "config", "profiles", "workflow_scripts")
RESULTS = "results/tiny"
TRAINED: dict[str, Any] = {
    "run": "tiny",
    "languages": {
        "table": "code/config/languages/synthetic.tsv",
        "codes": ["en", "qa", "qe"],
        "directions": ["en-qa", "en-qe"],
    },
    "data": {
        "source": "synthetic",
        "synthetic": {"train": {"high": 120, "medium": 80}, "valid": 6, "test": 4},
        "sentencepiece": {"size": 150},
    },
    "model": {"layers": 1, "dim": 16, "ffn_dim": 32, "heads": 2},
    "training": {
        "max_tokens": 400,
        "tokens_per_update": 400,
        "max_update": 6,
        "validate_every": 2,
        "lr": 0.005,
        "warmup": 2,
        "patience": 0,
    },
    "systems": {"baseline": {}, "ns": {"masks": {"select": "cumulative", "k": 90, "components": ["decoder"]}}},
    "decode": {"beam": 2, "max_length": 12},
    "score": {"metrics": ["bleu"], "significance": {"bootstrap": 20, "randomization": 100}},
    "report": {"crossed": ["ns"], "crossed_lines": 2},
}
"""From nothing to the report."""
OTHER: dict[str, Any] = {
    "seed": 7,
    "training": TRAINED["training"] | {"seed": 5},
    "systems": {"baseline": {}, "ns": {"masks": {"select": "cumulative", "k": 70, "components": ["decoder"]}}},
    "decode": {"beam": 3, "max_length": 10},
}
"""What is otherwise in the second version."""
EXISTING: dict[str, Any] = {
    "run": "tiny",
    "outputs": "outputs",
    "languages": {"table": "code/config/languages/ec30.tsv"},
    "data": {"source": "none"},
    "systems": {"theirs": {"translations": "theirs"}, "ours": {"translations": "ours"}},
    "score": {"against": "theirs", "significance": {"bootstrap": 20, "randomization": 100}},
}
"""Translations that exist: all stages that need no model."""
FETCHED = ["data/tests/test/manifest.json", "systems/released/checkpoint.pt", "translations/elsewhere/en-qa.parquet"]
"""The artefacts of a run from downloads and files that come from elsewhere; the others are made as in any run."""


@dataclass(frozen=True)
class Step:
    """A step's command as Snakemake ran it, and the files that its rule names, relative to the working folder."""

    rule: str
    module: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    seconds: float

    @property
    def stage(self) -> str:
        return stage_of(self.rule)


@dataclass(frozen=True)
class Place:
    """A working folder: a configuration, what it reads, and a copy of the code that is watched where that is wished."""

    folder: Path

    @classmethod
    def new(cls, folder: Path, config: dict[str, Any]) -> Place:
        """A folder before its first run."""
        code = folder / "code"
        code.mkdir(parents=True)
        ignored = shutil.ignore_patterns("__pycache__")
        for name in CODE:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, code / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, code)
        shutil.copy(interposition.__file__, code / "sitecustomize.py")
        (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return cls(folder)

    @property
    def results(self) -> Path:
        return self.folder / RESULTS

    def start(self, *targets: str, said: Path, settings: dict[str, Any] | None = None) -> subprocess.Popen[bytes]:
        """The one command, in a session of its own."""
        command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(self.folder / "code/Snakefile")]
        command += ["--directory", str(self.folder), "--cores", "1", "--configfile", str(self.folder / "config.yaml")]
        own = {interposition.VARIABLE: json.dumps(settings)} if settings else {}
        environment = os.environ | {"PYTHONPATH": str(self.folder / "code"), "OMP_NUM_THREADS": "1"} | own
        with said.open("ab") as file:
            return subprocess.Popen(
                command, cwd=self.folder, stdout=file, stderr=file, env=environment, start_new_session=True
            )

    def finish(self, *targets: str) -> Place:
        """Run to the end."""
        said = self.folder.with_name(f"{self.folder.name}.said.txt")
        code = self.start(*targets, said=said).wait()
        assert code == 0, said.read_text(encoding="utf-8")[-4000:]
        return self

    def copied(self, folder: Path) -> Place:
        """The same state in another folder that is emptied first; times are kept."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder, symlinks=True)
        return Place(folder)

    def steps(self) -> Iterator[Step]:
        """The commands that Snakemake has recorded, by rule and first output."""
        found: dict[tuple[str, str], list[str]] = {}
        seconds: dict[str, float] = {}
        records = self.folder / ".snakemake/metadata"
        for path in sorted(path for path in records.rglob("*") if path.is_file()):
            record = json.loads(path.read_text(encoding="utf-8"))
            seconds[record["shellcmd"]] = record["endtime"] - record["starttime"]
            found.setdefault((record["rule"], record["shellcmd"]), []).append(_recorded(records, path))
        for (rule, command), outputs in sorted(found.items(), key=lambda item: (item[0][0], item[1])):
            words = shlex.split(command)
            words = words[words.index("-m") + 1 :]
            end = next(number for number, word in enumerate(words) if word in ("2>&1", ">", "|"))
            yield Step(rule, words[0], tuple(words[1:end]), tuple(sorted(outputs)), seconds[command])


def _recorded(records: Path, path: Path) -> str:
    """The file that a record of Snakemake's is of."""
    return urlsafe_b64decode(str(path.relative_to(records)).replace("/", "").replace("@", "")).decode()


def trained(folder: Path) -> list[Place]:
    """The first run, and the second; both finished."""
    return [Place.new(folder / f"trained{n}", TRAINED | (OTHER if n else {})).finish() for n in range(2)]


def existing(folder: Path, *targets: str) -> list[Place]:
    """Two runs on translations that exist, finished as far as `targets` are."""
    found = []
    for number in range(2):
        place = Place.new(folder / f"existing{number}", EXISTING)
        for system, shift in (("theirs", 1), ("ours", 0)):
            for pair in ("en-nl", "nl-en"):
                outputs = place.folder / f"outputs/{system}/{pair}"
                outputs.mkdir(parents=True)
                for role in ("hyp", "ref", "src"):
                    lines = [
                        f"regel {(line + shift * (role == 'hyp')) % (7 - number)} van {pair}" for line in range(12)
                    ]
                    (outputs / f"{role}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        found.append(place.finish(*targets))
    return found


@contextmanager
def fetched(folder: Path, made: list[Place]) -> Iterator[list[Place]]:
    """Two runs from what two others have made, which is downloaded, given or imported, as far as that is special."""
    found = []
    with served(folder) as address:
        for number, place in enumerate(made):
            archive = folder / f"databin{number}.tar.gz"
            with tarfile.open(archive, "w:gz") as file:
                for part in ("data/bin", "data/tests/test/bin"):
                    for path in sorted((place.results / part).iterdir()):
                        file.add(path, arcname=f"databin/{path.name}")
            download = {"url": f"{address}/{archive.name}", "sha256": sha256(archive)}
            config = {
                **{key: TRAINED[key] for key in ("run", "languages", "decode")},
                "data": {"source": "databin", "databin": download, "sentencepiece": {"model": "pieces.model"}},
                "baseline": {"checkpoint": {"path": "baseline.pt"}},
                "systems": {
                    "baseline": {},
                    "released": {"checkpoint": {"path": "ns.pt"}, **(OTHER if number else TRAINED)["systems"]["ns"]},
                    "elsewhere": {"translations": "elsewhere"},
                },
            }
            new = Place.new(folder / f"fetched{number}", config)
            shutil.copy(place.results / "data/sentencepiece.model", new.folder / "pieces.model")
            shutil.copy(place.results / "baseline/checkpoint.pt", new.folder / "baseline.pt")
            shutil.copy(place.results / "systems/ns/checkpoint.pt", new.folder / "ns.pt")
            (new.folder / "elsewhere/en-qa").mkdir(parents=True)
            for role in ("hyp", "ref", "src"):
                text = place.results / f"translations/ns/en-qa.{role}.txt"
                shutil.copy(text, new.folder / f"elsewhere/en-qa/{role}.txt")
            found.append(new.finish(*(f"{RESULTS}/{name}" for name in FETCHED)))
        yield found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which the files of `folder` can be downloaded."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
