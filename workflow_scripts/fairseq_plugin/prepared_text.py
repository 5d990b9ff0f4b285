"""The text of a test set as every engine takes it, out of its data-bin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.corpus.prepared_set import PreparedSet
from workflow_scripts.direction import Direction
from workflow_scripts.engines.hypothesis import Hypothesis, plain
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.fairseq_plugin.datasets import load_direction, pieces


@dataclass(frozen=True)
class PreparedText:
    """One direction: `pieces` of every source, without tag and end, and `sources` and `references` as text."""

    pieces: list[list[str]]
    sources: list[str]
    references: list[str]

    def first(self, count: int) -> PreparedText:
        """Its first `count` lines, all where it has no more."""
        return PreparedText(self.pieces[:count], self.sources[:count], self.references[:count])

    def rows(self, found: Sequence[Hypothesis]) -> list[dict[str, Any]]:
        """Rows `id, source, reference, hypothesis, score`, in the order of the test set."""
        return [
            {
                "id": line,
                "source": source,
                "reference": reference,
                "hypothesis": plain(best.tokens),
                "score": best.score,
            }
            for line, (source, reference, best) in enumerate(zip(self.sources, self.references, found, strict=True))
        ]


class TextReader:
    """Reads directions of a test set; sources are cut to `longest` tokens, tag and end included."""

    def __init__(self, manifest: Manifest, test_set: PreparedSet, longest: int) -> None:
        self.test_set, self.longest = test_set, longest
        self._dictionary = transformer.read_dictionary(manifest)

    def __call__(self, pair: Direction) -> PreparedText:
        """The text of a direction. Raises `UserError` where the test set has none, or where it has changed since."""
        data = load_direction([self.test_set.folder], self.test_set.split, pair, self._dictionary, self.longest)
        sources, references = (pieces(data, side, self._dictionary) for side in ("src", "tgt"))
        # The user's own lines where they are known, else what the data-bin holds.
        if not (lines := self.test_set.lines(pair)):
            # fairseq marks unknown symbols of a reference so that no hypothesis can match them.
            marked = [["<<unk>>" if piece == "<unk>" else piece for piece in line] for line in references]
            lines = [plain(line) for line in sources], [plain(line) for line in marked]
        return PreparedText(sources, *lines)
