"""Whether the files of a run are as they were made, and made from what there is now: all by content, none by time.

Four records say so: what every job read and wrote (`kept_digests`), the seals that Parquet and JSON files carry, the
digests of the files that one of them vouches for, and those of data-bins and texts in the manifests of the data stage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from workflow_scripts.artifacts_files import is_sealed
from workflow_scripts.batch import read_stamp
from workflow_scripts.cluster.snakemake_state import Job
from workflow_scripts.corpus.manifest import data_digests, fingerprint, read_manifest
from workflow_scripts.corpus.parallel import SPLITS, read_lines
from workflow_scripts.corpus.prepared_set import text_digest
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import SEAL, sealed
from workflow_scripts.files import sha256 as sha256_of
from workflow_scripts.kept_digests import KeptDigests
from workflow_scripts.paths import Paths

MISSING, EDITED, STALE, UNKNOWN = "missing", "edited", "stale", "unknown"
COSTLY = ("baseline", "specialize", "given_baseline", "given_system", "fetch_databin")
"""Rules that a work folder or a download lets make their files again without their work; forced, they do it all."""
OTHERWISE = {
    "params have changed since last execution": "settings or code are others now",
    "code has changed since last execution": "its command is another now",
    "set of input files has changed since last execution": "it was made from other files than are asked for now",
    "software environment definition has changed since last execution": "the environment is another now",
    "incomplete output files": "it was not finished",
}
"""Snakemake's reasons that do not depend on times, in words; those that do are judged by content."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with a file, and what to do about it."""

    kind: str
    path: str
    said: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.kind:<8} {self.path}: {self.said} · {self.remedy}"


@dataclass(frozen=True)
class Verified:
    """How many files were looked at, and what was found."""

    files: int
    findings: list[Finding]


def verify(paths: Paths, jobs: Iterable[Job]) -> Verified:
    """Look at every file that `jobs` write. Nothing is written."""
    kept, findings, files = KeptDigests(paths.digests), [*configuration(paths)], 1
    jobs = list(jobs)
    makers = {output: job for job in jobs for output in job.outputs}

    sha256 = cache(_digest)
    vouched = {file: found for output in makers for file, found in _vouched(output).items()}
    for output, job in makers.items():
        files += 1
        found = state(output, kept, vouched, sha256)
        if found:
            findings.append(Finding(found[0], output, found[1], remedy(found[0], output, job.stage)))
    for job in jobs:
        if found := changed_inputs(job, kept, sha256) or reasons(job) or of_texts(job, sha256):
            # Missing files and those of unknown origin were named above.
            named = [output for output in job.outputs if Path(output).exists()][:1]
            more = f" (and {len(job.outputs) - 1} more of its job)" if len(job.outputs) > 1 else ""
            findings += [Finding(STALE, path, found + more, remedy(STALE, path, job.stage)) for path in named]
    for path, job in makers.items():
        if path.endswith("manifest.json") and Path(path).exists():
            findings += [Finding(*found, remedy(found[0], path, job.stage)) for found in of_manifest(path)]
    return Verified(files, list(dict.fromkeys(findings)))


def remedy(kind: str, path: str, stage: str) -> str:
    """What to type."""
    if kind == MISSING:
        return f'make run, or make run ARGS="-R {path}" for what only other files are made from'
    if stage in COSTLY:
        return f"rm {path}, then make run"
    return f'make run ARGS="-R {path}"'


def configuration(paths: Paths) -> Iterator[Finding]:
    """Whether the records of the configuration are as they were written."""
    content = read_stamp(Path(paths.record))
    changed = [paths.record] if SEAL in content and content != sealed(content) else []
    changed += [file for file, wanted in _vouched(paths.record).items() if _digest(file) != wanted]
    for file in changed:
        yield Finding(EDITED, file, "it is not what was written: it was changed by hand", f"rm {file}, then make run")


def state(
    path: str, kept: KeptDigests, vouched: Mapping[str, str], sha256: Callable[[str], str]
) -> tuple[str, str] | None:
    """What is wrong with one file, if anything, by the records of what was written."""
    if not Path(path).exists():
        return MISSING, "it is not there"
    if Path(path).is_dir():
        return None
    known = [kept.last[path].outputs[path][0]] if path in kept.last else []
    known += [vouched[path]] if path in vouched else []
    seal = _sealed(path)
    if seal is False or any(sha256(path) != wanted for wanted in known):
        return EDITED, "it is not what was written: it was changed by hand, or made otherwise than by the pipeline"
    if not known and seal is None:
        return UNKNOWN, "nothing says what was written (an earlier version made it), so nobody can tell"
    return None


def _sealed(path: str) -> bool | None:
    """Whether a file has the content that its seal says; None without a seal."""
    if path.endswith(".parquet"):
        return is_sealed(path)
    if not path.endswith(".json"):
        return None
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError:
        return False
    return content == sealed(content) if isinstance(content, dict) and SEAL in content else None


def _vouched(path: str) -> dict[str, str]:
    """The digests of the files that one carries."""
    files = read_stamp(Path(path)).get("files", {}) if path.endswith((".parquet", ".json")) else {}
    return {str(Path(path).with_name(name)): found for name, found in files.items()} if isinstance(files, dict) else {}


def changed_inputs(job: Job, kept: KeptDigests, sha256: Callable[[str], str]) -> str:
    """Which of a job's inputs are not what it was made from; empty where all are, or nobody knows."""
    made = [kept.last[path] for path in job.outputs if path in kept.last][:1]
    changed = [name for before in made for name, seen in before.inputs.items() if sha256(name) != seen[0]]
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"{changed[0]}{more} changed since it was made" if changed else ""


def reasons(job: Job) -> str:
    """Why Snakemake would make a job's files again, whatever the times of files are; empty where it would not."""
    return ", ".join(OTHERWISE[why] for why in job.why if why in OTHERWISE)


def of_texts(job: Job, sha256: Callable[[str], str]) -> str:
    """Which translation is not the one that was scored: of a batch, Snakemake asks for the first alone."""
    for path in job.outputs:
        stamp = read_stamp(Path(path)) if path.endswith((".segments.parquet", ".comet.parquet")) else {}
        texts = stamp.get("texts", {"hyp": stamp.get("hypotheses"), "ref": stamp.get("references")})
        folder = Path(path.replace("/scores/", "/translations/", 1)).parent
        for side, wanted in texts.items() if isinstance(texts, dict) else ():
            text = str(folder / f"{Path(path).name.partition('.')[0]}.{side}.txt")
            if wanted and sha256(text) != wanted:
                return f"{text} is not the text that was scored"
    return ""


def of_manifest(path: str) -> Iterator[tuple[str, str, str]]:
    """What is not as a manifest of the data stage says: kind, file, and what is said of it."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        yield from _of_training(path) if "splits" in content else _of_test_set(Path(path), content)
    except (UserError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        yield EDITED, path, f"it cannot be compared with its data ({error})"


def _of_training(path: str) -> Iterator[tuple[str, str, str]]:
    manifest = read_manifest(path)
    content = manifest.content
    for split in SPLITS:
        wanted = content["splits"][split]
        found = data_digests(manifest.folders(split), split, manifest.pairs)
        for pair in manifest.pairs:
            if found[str(pair)] != wanted.get(str(pair)):
                yield EDITED, str(manifest.folders(split)[0]), f"{split}.{pair} is not what was prepared"
    for name in ("dictionary", "sentencepiece"):
        file, wanted = getattr(manifest, name), content[f"{name}_sha256"]
        if file and _digest(file) != wanted:
            yield EDITED, str(file), f"it is not the {name} that text was encoded with"
    whole = fingerprint(content["splits"], content["dictionary_sha256"], content["languages"])
    if whole != manifest.fingerprint:
        yield EDITED, path, "its fingerprint is not that of what it says"


def _of_test_set(path: Path, content: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    folder = (path.parent / content["folder"]).resolve()
    pairs = list(map(Direction.parse, content["pairs"]))
    found = data_digests([folder], content["split"], pairs)
    for pair, entry in content["pairs"].items():
        if found[pair] != entry["data"]:
            yield EDITED, str(folder), f"{content['split']}.{pair} is not what was prepared"
        for side in (entry["text"] or {}).values():
            text = path.parent / side["file"]
            lines = read_lines(text) if text.is_file() else ()
            if text_digest(lines) != side["sha256"]:
                yield EDITED, str(text), "it is not the text that was prepared"


def _digest(path: str | Path) -> str:
    """The SHA-256 of a file; empty where there is none."""
    return sha256_of(path) if Path(path).is_file() else ""


def counted(findings: Iterable[Finding]) -> str:
    """`2 missing, 1 edited`."""
    kinds = [finding.kind for finding in findings]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in (MISSING, EDITED, STALE, UNKNOWN) if kind in kinds)
