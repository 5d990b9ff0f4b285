"""Translations that exist already: fairseq-generate's output, or plain hypothesis, reference and source texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.scoring.texts import numbered_lines, read_lines

Row = dict[str, Any]
GENERATE = ("generate-test.txt", "generate-test.txt.gz")
ROLES = ("hyp", "ref", "src")
LINE = re.compile(r"([STH])-(\d+)(?:\t|$)")
LANGUAGE_TAG = re.compile(r"^__[^\s_]+(?:_[^\s_]+)*__(?: |$)")


def find_directions(folder: Path, directions: Iterable[Direction]) -> dict[Direction, list[Path]]:
    """The files of those `directions` that have a folder in `folder`, in their order.

    Raises `UserError` when there is no direction, or a direction's folder lacks its files.
    """
    if not folder.is_dir():
        raise UserError(f"folder {folder} does not exist")
    found = {one: direction_files(folder / str(one)) for one in directions if (folder / str(one)).is_dir()}
    if not found:
        raise UserError(f"{folder} has no folder named like a direction of this run (en-de/generate-test.txt.gz, say)")
    return found


def direction_files(folder: Path) -> list[Path]:
    """The files of one direction: fairseq-generate's output, or hypotheses, references and sources."""
    generated = [folder / name for name in GENERATE if (folder / name).is_file()]
    return generated[:1] or [_plain_file(folder, role) for role in ROLES]


def read_direction(files: Sequence[Path]) -> list[Row]:
    """The translations of one direction from its files (`direction_files`).

    Rows are `{id, source, reference, hypothesis, score}` in order of `id` (0, 1, …); `score` is None for plain text.
    Raises `UserError` naming file and line for whatever cannot be scored.
    """
    return read_generate(files[0]) if len(files) == 1 else read_plain(*files)


def read_generate(path: Path) -> list[Row]:
    """Read what `fairseq-generate` printed: S (source), T (reference) and H (score, hypothesis) lines in any order.

    A language tag in front of a source is removed. Every sentence needs each of the three lines exactly once and the
    ids must run from 0 without a gap. A hypothesis may be empty, a reference may not.
    """
    seen: dict[str, dict[int, tuple[int, str]]] = {"S": {}, "T": {}, "H": {}}
    scores: dict[int, float] = {}
    for number, line in numbered_lines(path):
        match = LINE.match(line)
        if match is None:
            continue
        kind, sentence, text = match[1], int(match[2]), line[match.end() :]
        if sentence in seen[kind]:
            first = seen[kind][sentence][0]
            raise UserError(
                f"{path}, line {number}: {kind}-{sentence} stands twice (first in line {first}); "
                "keep one hypothesis per sentence (fairseq-generate --nbest 1)"
            )
        if kind == "H":
            score, _, text = text.partition("\t")
            try:
                scores[sentence] = float(score)
            except ValueError:
                raise UserError(
                    f"{path}, line {number}: H-{sentence} has no score: H-<id>, score, text are needed"
                ) from None
        elif kind == "T" and not text.strip():
            raise UserError(f"{path}, line {number}: the reference of sentence {sentence} is empty")
        seen[kind][sentence] = number, LANGUAGE_TAG.sub("", text) if kind == "S" else text
    _check_complete(path, seen)
    return [
        {
            "id": sentence,
            "source": seen["S"][sentence][1],
            "reference": seen["T"][sentence][1],
            "hypothesis": seen["H"][sentence][1],
            "score": scores[sentence],
        }
        for sentence in range(len(seen["H"]))
    ]


def read_plain(hypotheses: Path, references: Path, sources: Path) -> list[Row]:
    """Read three texts of as many lines; line i of one belongs to line i of the others."""
    texts = [read_lines(path) for path in (hypotheses, references, sources)]
    if len({len(lines) for lines in texts}) > 1:
        counts = ", ".join(
            f"{path} has {len(lines)}" for path, lines in zip((hypotheses, references, sources), texts, strict=True)
        )
        raise UserError(f"unequal numbers of lines: {counts}; the files must be parallel line by line")
    if not texts[0]:
        raise UserError(f"{hypotheses} is empty: there is nothing to score")
    for number, reference in enumerate(texts[1], start=1):
        if not reference.strip():
            raise UserError(f"{references}, line {number}: the reference is empty")
    return [
        {"id": i, "source": LANGUAGE_TAG.sub("", src), "reference": ref, "hypothesis": hyp, "score": None}
        for i, (hyp, ref, src) in enumerate(zip(*texts, strict=True))
    ]


def _plain_file(folder: Path, role: str) -> Path:
    for name in (role, f"{role}.txt"):
        for suffix in ("", ".gz"):
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return path
    raise UserError(
        f"{folder} holds neither {GENERATE[0]}[.gz] nor {role}.txt[.gz]: a direction's folder needs fairseq's output, "
        "or all of hyp.txt, ref.txt and src.txt"
    )


def _check_complete(path: Path, seen: dict[str, dict[int, tuple[int, str]]]) -> None:
    sentences = sorted(set().union(*seen.values()))
    if not sentences:
        raise UserError(f"{path} has no S-, T- and H- lines: it is not the output of fairseq-generate")
    for sentence in sentences:
        present = {kind: lines[sentence][0] for kind, lines in seen.items() if sentence in lines}
        for kind in seen:
            if kind not in present:
                where = ", ".join(f"{other} in line {number}" for other, number in present.items())
                raise UserError(f"{path}: sentence {sentence} has no {kind} line (but {where})")
    if sentences[-1] != len(sentences) - 1:
        missing = next(i for i, sentence in enumerate(sentences) if i != sentence)
        raise UserError(
            f"{path}: sentence {missing} is missing ({len(sentences)} sentences, the last is {sentences[-1]}, "
            f"line {seen['H'][sentences[-1]][0]}); was the test set filtered by length?"
        )
