"""The joint SentencePiece model and the dictionary counted with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import sentencepiece

from workflow_scripts.corpus.parallel import file_name, read_lines
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError

BATCH = 1000


def sample_sizes(lines: dict[str, int], temperature: float, limit: int) -> dict[str, int]:
    """How many lines each language contributes, proportional to `lines ** (1 / temperature)`.

    With `temperature` 1 and enough room each contributes all its lines; above 1 small languages count for more, and
    their lines are repeated. The sum is the number of all lines, at most `limit` (rounding apart).
    """
    total = min(sum(lines.values()), limit)
    weights = {language: count ** (1 / temperature) for language, count in lines.items()}
    scale = total / sum(weights.values())
    return {language: max(1, round(weight * scale)) for language, weight in weights.items()}


def spread(lines: Iterable[str], count: int, wanted: int) -> Iterator[str]:
    """`wanted` of `count` lines, evenly spread; each is repeated as evenly where more are wanted than there are."""
    for number, line in enumerate(lines):
        for _ in range((number + 1) * wanted // count - number * wanted // count):
            yield line


def language_files(folder: Path, pairs: list[Direction]) -> dict[str, list[Path]]:
    """The cleaned training files of each language, over all pairs."""
    files: dict[str, list[Path]] = {}
    for pair in pairs:
        for language in pair.languages:
            files.setdefault(language, []).append(folder / file_name("train", pair, language))
    return files


def train_model(
    files: dict[str, list[Path]], output: Path, size: int, coverage: float, temperature: float, limit: int
) -> None:
    """Train a BPE model of `size` pieces on a sample of all languages' files; the same files give the same bytes.

    The text is taken as it is (cleaning has normalized it). Raises `UserError` when the text is too small for the size.
    """
    lines = {language: sum(1 for path in paths for _ in read_lines(path)) for language, paths in files.items()}
    sizes = sample_sizes(lines, temperature, limit)

    def sentences() -> Iterator[str]:
        for language, paths in files.items():
            text = (line for path in paths for line in read_lines(path))
            yield from spread(text, lines[language], sizes[language])

    try:
        with output.open("wb") as file:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=sentences(),
                model_writer=file,
                model_type="bpe",
                vocab_size=size,
                character_coverage=coverage,
                normalization_rule_name="identity",
                num_threads=1,
                max_sentence_length=1 << 16,
                minloglevel=1,
            )
    except RuntimeError as error:
        raise UserError(
            f"SentencePiece cannot make {size:,} pieces from {sum(sizes.values()):,} lines: {error}; change "
            "data.sentencepiece.size or character_coverage"
        ) from error


def load_model(path: str | Path) -> sentencepiece.SentencePieceProcessor:
    """Load a model. Raises `UserError` when the file is not one."""
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise UserError(f"{path} is not a SentencePiece model: {error}") from error


def encode(model: sentencepiece.SentencePieceProcessor, lines: Iterable[str]) -> Iterator[list[str]]:
    """The pieces of each line, a batch at a time."""
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        yield from model.encode(batch, out_type=str)


def count_pieces(model: sentencepiece.SentencePieceProcessor, lines: Iterable[str]) -> Counter[str]:
    """How often each piece of the model occurs; characters that the model does not know are not counted."""
    counts: Counter[str] = Counter()
    for pieces in encode(model, lines):
        counts.update(pieces)
    unknown = [piece for piece in counts if model.piece_to_id(piece) == model.unk_id()]
    for piece in unknown:
        del counts[piece]
    return counts


def dictionary_text(counts: Counter[str]) -> str:
    """fairseq's dictionary: a line `piece count` each, most frequent first, equal counts in code point order."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "".join(f"{piece} {count}\n" for piece, count in ranked)
