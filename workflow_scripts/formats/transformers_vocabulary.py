"""The vocabulary of a pretrained M2M-100 or NLLB-200: which symbol each row of its embeddings stands for.

Both begin with fairseq's special symbols, in fairseq's order. M2M-100 lists its pieces in `vocab.json`; in NLLB-200 a
piece has the number that its SentencePiece model gives it, and one more, for padding. Then come the tags of languages
in the order of the tokenizer's list, and rows that stand for nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.direction import tag
from workflow_scripts.errors import UserError
from workflow_scripts.formats.sentencepiece_proto import CONTROL, NORMAL, UNKNOWN, read_proto
from workflow_scripts.formats.transformers_files import CONFIG, LISTED, PIECES, TOKENIZER, read_config, read_json

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
FIRST = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
"""How the SentencePiece models of both begin."""
STRANGE = 0.1
"""Share of a SentencePiece model's pieces that a list of pieces may lack: they become unknown."""
IDLE = "madeupword{:04d}"
"""What fairseq calls a row that stands for nothing."""
# fmt: off
M2M100 = [
    "af", "am", "ar", "ast", "az", "ba", "be", "bg", "bn", "br", "bs", "ca", "ceb", "cs", "cy", "da", "de", "el",
    "en", "es", "et", "fa", "ff", "fi", "fr", "fy", "ga", "gd", "gl", "gu", "ha", "he", "hi", "hr", "ht", "hu",
    "hy", "id", "ig", "ilo", "is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "lb", "lg", "ln", "lo", "lt",
    "lv", "mg", "mk", "ml", "mn", "mr", "ms", "my", "ne", "nl", "no", "ns", "oc", "or", "pa", "pl", "ps", "pt",
    "ro", "ru", "sd", "si", "sk", "sl", "so", "sq", "sr", "ss", "su", "sv", "sw", "ta", "th", "tl", "tn", "tr",
    "uk", "ur", "uz", "vi", "wo", "xh", "yi", "yo", "zh", "zu",
]
# fmt: on
"""The languages of M2M-100 in the order of its tags, which its tokenizer does not always write down."""


@dataclass(frozen=True)
class Vocabulary:
    """The symbols of all rows in order, special ones first, and the rows of `tags` (`deu_Latn`; `de` in M2M-100).

    A tag is called `__deu_Latn__` among the symbols, as fairseq has it; `pieces` are the rows of SentencePiece's.
    """

    folder: Path
    symbols: tuple[str, ...]
    pieces: range
    tags: Mapping[str, int]

    @property
    def sentencepiece(self) -> Path:
        """The SentencePiece model."""
        return self.folder / PIECES


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of a model's folder. Raises `UserError` where its files are missing or contradict each other."""
    rows, ids = read_config(folder)["vocab_size"], _piece_ids(folder)
    first = len(ids)
    named = {row: text for text, row in ids.items()}
    if sorted(named) != list(range(first)):
        raise UserError(f"{_source(folder)}: its pieces are not numbered from 0 to {first - 1}, each once")
    added = _added(folder, first)
    tags = {}
    for text, row in added.items():
        if named.setdefault(row, text) != text:
            raise UserError(f"{folder}: its tokenizer gives row {row} to both {named[row]} and {text}")
        if row >= first and not text.startswith("<"):
            tags[text.removeprefix("__").removesuffix("__")] = row
    named |= {row: tag(text) for text, row in tags.items()}
    if max(named) >= rows:
        raise UserError(
            f"{folder}: its tokenizer has symbols up to row {max(named)}, {CONFIG} says vocab_size {rows}: the "
            "vocabulary is of another model"
        )
    idle = (row for row in range(rows) if row not in named)
    named |= {row: IDLE.format(number) for number, row in enumerate(idle)}
    symbols = tuple(named[row] for row in range(rows))
    if len(set(symbols)) < rows:
        twice = next(text for text in symbols if symbols.count(text) > 1)
        raise UserError(f"{folder}: its vocabulary has {twice!r} twice")
    return Vocabulary(folder, symbols, range(len(SPECIALS), first), tags)


def run_symbols(vocabulary: Vocabulary, tags: Mapping[str, str]) -> list[str]:
    """The symbols of all rows, with the tags of the run's languages (by code) called as the run calls them, `__de__`.

    Raises `UserError` for a language without tag, for one tag of two languages, and for a code that is itself the tag
    of another language.
    """
    symbols = list(vocabulary.symbols)
    for code, wanted in tags.items():
        if wanted not in vocabulary.tags:
            raise UserError(_unknown(vocabulary, code, wanted))
        symbols[vocabulary.tags[wanted]] = tag(code)
    for code, wanted in tags.items():
        if also := [other for other in tags if other != code and tags[other] == wanted]:
            raise UserError(f"languages {code} and {also[0]} have the same tag {wanted} in the language table")
        if symbols.count(tag(code)) > 1:
            raise UserError(
                f"language {code}: {tag(code)} is the tag of another language in {vocabulary.folder}, and the table "
                f"gives {code} the tag {wanted}; call it by another code"
            )
    return symbols


def _unknown(vocabulary: Vocabulary, code: str, wanted: str) -> str:
    near = difflib.get_close_matches(wanted, vocabulary.tags, n=3, cutoff=0.4)
    near += [name for name in vocabulary.tags if name.startswith(code) and name not in near][: 3 - len(near)]
    like = f" (like it are {', '.join(near)})" if near else ""
    return (
        f"language {code}: {wanted} is none of the {len(vocabulary.tags)} tags of {vocabulary.folder}{like}; say in "
        "the column `tag` of the language table which one it is, or leave the language out"
    )


def _source(folder: Path) -> Path:
    return folder / (LISTED if (folder / LISTED).is_file() else PIECES)


def _piece_ids(folder: Path) -> dict[str, int]:
    """The rows of special symbols and pieces."""
    path = folder / PIECES
    if not path.is_file():
        raise UserError(
            f"{path} is missing: the pipeline cuts text by the SentencePiece model that the model was trained with "
            "(saving a fast tokenizer leaves it out: copy it from the published folder)"
        )
    pieces = read_proto(path).pieces
    if (folder / LISTED).is_file():
        ids = read_json(folder / LISTED)
        if not all(type(row) is int for row in ids.values()):
            raise UserError(f"{folder / LISTED} is damaged: it does not give a number to every piece")
        normal = [piece.text for piece in pieces if piece.kind == NORMAL]
        if (strange := sum(text not in ids for text in normal)) > STRANGE * len(normal):
            raise UserError(
                f"{strange:,} of the {len(normal):,} pieces of {path} are not in {LISTED}: one of the two is of "
                "another model"
            )
    else:
        if [(piece.text, piece.kind) for piece in pieces[:3]] != FIRST:
            raise UserError(f"{path} does not begin with <unk>, <s> and </s>: it is not the model of an NLLB-200")
        ids = dict(zip(SPECIALS, range(4), strict=True))
        ids |= {piece.text: row for row, piece in enumerate(pieces[3:], start=4) if piece.kind == NORMAL}
    if [ids.get(text) for text in SPECIALS] != [0, 1, 2, 3]:
        raise UserError(f"{folder / LISTED}: {', '.join(SPECIALS)} do not have the numbers 0 to 3")
    return ids


def _added(folder: Path, first: int) -> dict[str, int]:
    """What the tokenizer adds to the pieces, with its rows; `first` is the row after the pieces."""
    fast, settings, special = (_optional(folder / name) for name in TOKENIZER)
    if fast and not (folder / LISTED).is_file():
        _check_fast(folder, fast)
        return {one["content"]: one["id"] for one in fast["added_tokens"]}
    told = {text["content"]: int(row) for row, text in settings.get("added_tokens_decoder", {}).items()}
    if any(row >= first for row in told.values()):
        return told
    listed = [
        one["content"] if isinstance(one, dict) else one
        for source in (special, settings)
        for key in ("additional_special_tokens", "extra_special_tokens")
        for one in source.get(key) or []
    ]
    if not listed and settings.get("language_codes") == "m2m100":
        listed = [tag(code) for code in M2M100]
    if not listed:
        raise UserError(f"{folder}: neither of {', '.join(TOKENIZER)} says which tags of languages it has")
    return {text: row for row, text in enumerate(dict.fromkeys(listed), start=first)}


def _check_fast(folder: Path, fast: Mapping) -> None:
    """Raise `UserError` where `tokenizer.json` numbers pieces otherwise than the SentencePiece model beside it."""
    ids = _piece_ids(folder)
    try:
        numbered = fast["model"]["vocab"]
        other = next((text for text, row in ids.items() if numbered.get(text) != row), None)
        damaged = not all(isinstance(one["content"], str) and type(one["id"]) is int for one in fast["added_tokens"])
    except (KeyError, TypeError, AttributeError):
        damaged = True
    if damaged:
        raise UserError(f"{folder / TOKENIZER[0]} is damaged, or no BPE tokenizer")
    if other is not None:
        raise UserError(
            f"{folder / TOKENIZER[0]} gives {other!r} another number than {PIECES} ({ids[other]}): one of the two is "
            "of another model"
        )


def _optional(path: Path) -> dict:
    return read_json(path) if path.is_file() else {}
