"""Lines of text to lines of text: what stands before and behind the search, as the run's own text was treated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workflow_scripts.corpus import long_lines
from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.corpus.normalize import Normalizer
from workflow_scripts.corpus.pieces import load_model
from workflow_scripts.direction import Direction
from workflow_scripts.engines.engine import Opened
from workflow_scripts.engines.hypothesis import plain
from workflow_scripts.errors import UserError

Parts = list[list[str]]
"""A line as pieces: none where it is blank, several parts where it is too long for the model."""


@dataclass(frozen=True)
class Translation:
    """A translation of a line, with fairseq's score; none for a blank line and for one that was cut into parts."""

    text: str
    score: float | None


class Reader:
    """Lines of a language as the models of a run read them, in parts of at most `longest` pieces."""

    def __init__(self, manifest: Manifest, language: str, punctuation: bool, longest: int) -> None:
        if manifest.sentencepiece is None:
            raise UserError(
                f"text cannot be cut into pieces: the SentencePiece model of {manifest.path} is not known; name it in "
                "data.sentencepiece.model"
            )
        self.longest = longest
        self._normalize = Normalizer(language, punctuation)
        self._tokenize = _moses(language) if manifest.tokenization == "moses" else str
        self._pieces = load_model(manifest.sentencepiece)

    def __call__(self, line: str) -> Parts:
        """The pieces of a line, part by part."""
        normalized = self._normalize(line)
        if not normalized:
            return []
        pieces = self._encode(normalized)
        if len(pieces) <= self.longest:
            return [pieces]
        parts = long_lines.cut(normalized, lambda part: len(self._encode(part)) <= self.longest)
        # A character can be more pieces than the model takes: bytes.
        return [self._encode(part)[: self.longest] for part in parts]

    def _encode(self, text: str) -> list[str]:
        return self._pieces.encode(self._tokenize(text), out_type=str)


class LineTranslator:
    """A system that translates lines into the target language of `pair`."""

    def __init__(self, engine: Opened, manifest: Manifest, pair: Direction) -> None:
        self.engine, self.pair = engine, pair
        self.is_tokenized = manifest.tokenization == "moses"

    def translate(self, lines: Sequence[Parts], count: int) -> list[list[Translation]]:
        """Up to `count` translations of each line, best first; one of a line that is blank or was cut."""
        found = iter(self.engine.nbest([part for parts in lines for part in parts], self.pair, count))
        return [self._line([next(found) for _ in parts]) for parts in lines]

    def _line(self, parts: Sequence[Sequence]) -> list[Translation]:
        if len(parts) == 1:
            return [Translation(self._text(one.tokens), one.score) for one in parts[0]]
        return [Translation(long_lines.joined([self._text(part[0].tokens) for part in parts]), None)]

    def _text(self, tokens: Sequence[str]) -> str:
        text = plain(tokens)
        if not self.is_tokenized:
            return text
        from workflow_scripts.scoring.variants import as_variant

        return as_variant("repaired", [text], self.pair.target)[0]


def _moses(language: str) -> Callable[[str], str]:
    from workflow_scripts.corpus.test_lines import moses

    return moses(language)
