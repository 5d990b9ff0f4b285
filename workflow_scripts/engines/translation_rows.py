"""Translations of lines as text, as a table with tabs, and as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workflow_scripts.engines.line_translator import Translation

BLANKS = str.maketrans(dict.fromkeys("\t\r\n", " "))
"""A cell of the table holds neither tabs nor ends of lines."""


@dataclass(frozen=True)
class Line:
    """A line with its number from 1, and per system its translations, best first."""

    number: int
    source: str
    translations: Mapping[str, Sequence[Translation]]

    def text(self) -> str:
        """The best translation of the one system."""
        ((best, *_),) = self.translations.values()
        return f"{best.text}\n"

    def tsv(self) -> str:
        """A row per rank, as `tsv_head` names the columns."""
        rows = []
        for rank in range(max(map(len, self.translations.values()))):
            cells = [str(self.number), str(rank + 1), self.source]
            for found in self.translations.values():
                one = found[rank] if rank < len(found) else Translation("", None)
                cells += [one.text, "" if one.score is None else f"{one.score:.4f}"]
            rows.append("\t".join(cell.translate(BLANKS) for cell in cells) + "\n")
        return "".join(rows)

    def jsonl(self) -> str:
        """One object."""
        found = {
            name: [{"text": one.text, "score": None if one.score is None else round(one.score, 6)} for one in nbest]
            for name, nbest in self.translations.items()
        }
        return (
            json.dumps({"line": self.number, "source": self.source, "translations": found}, ensure_ascii=False) + "\n"
        )


def tsv_head(systems: Sequence[str]) -> str:
    """The names of the columns."""
    return "\t".join(["line", "rank", "source", *(cell for name in systems for cell in (name, f"{name}.score"))]) + "\n"
