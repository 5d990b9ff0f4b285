"""A SentencePiece BPE model with fairseq's dictionary as one fast `tokenizer.json`.

SentencePiece merges the neighbours whose union is the piece of the highest score, the leftmost first. The same comes
out of a list of merges in the order of those scores, with every way to put a piece together from two others.

Pieces that the dictionary lacks take part in merges and have no row in the model: they get ids past its end. Whoever
feeds the model turns these ids into `<unk>`, as fairseq does (`Vocabulary.beyond` says how many there are).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from workflow_scripts.errors import UserError
from workflow_scripts.formats.sentencepiece_proto import BPE, CONTROL, NORMAL, UNKNOWN, Proto, read_proto

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")


@dataclass(frozen=True)
class Vocabulary:
    """Ids of all symbols (the model's rows first), the merges in order, and how many ids lie past the model's end.

    `normalizes` tells a model with a table of its own, which the tokenizers library applies to letters with their marks
    as one: where marks are stacked, and to half-width kana, SentencePiece can do otherwise. The pipeline's have none.
    """

    ids: dict[str, int]
    merges: list[tuple[str, str]]
    beyond: int
    normalizes: bool


def check(proto: Proto, path: Path) -> None:
    """Raise `UserError` for a SentencePiece model that a `tokenizer.json` cannot equal."""
    kinds = {piece.kind for piece in proto.pieces} - {NORMAL, UNKNOWN, CONTROL}
    problems = {
        "it is not a BPE model": proto.model != BPE,
        "it falls back to bytes": proto.byte_fallback,
        "it has user-defined, unused or byte pieces": bool(kinds),
        "it marks the end of words": proto.space_as_suffix,
        "it does not escape spaces": not proto.escapes_spaces,
    }
    if found := [words for words, true in problems.items() if true]:
        raise UserError(
            f"{path} cannot be written as a tokenizer.json ({', '.join(found)}): export with --format ctranslate2 or "
            "fairseq, which take the SentencePiece model as it is, or a pretrained model with --original"
        )


def vocabulary(proto: Proto, symbols: Sequence[str]) -> Vocabulary:
    """Ids and merges of a model's pieces, with `symbols` the dictionary's in order, tags included."""
    ids = {symbol: number for number, symbol in enumerate(symbols)}
    pieces = [piece for piece in proto.pieces if piece.kind == NORMAL]
    characters = dict.fromkeys(character for piece in pieces for character in piece.text)
    for text in [*(piece.text for piece in pieces), *characters]:
        ids.setdefault(text, len(ids))
    known = {piece.text for piece in pieces} | characters.keys()
    merges = [
        (piece.text[:cut], piece.text[cut:])
        for piece in sorted(pieces, key=lambda piece: -piece.score)
        # Of two ways that overlap in a run of equal characters the left one has the longer beginning.
        for cut in range(len(piece.text) - 1, 0, -1)
        if piece.text[:cut] in known and piece.text[cut:] in known
    ]
    return Vocabulary(ids, merges, len(ids) - len(symbols), bool(proto.charsmap))


def fast_tokenizer(
    model: Path, symbols: Sequence[str], tags: Sequence[str], source: str | None
) -> tuple[Tokenizer, Vocabulary]:
    """The tokenizer of a SentencePiece `model` and dictionary `symbols`, of which `tags` mark languages.

    With `source`, the tag of a language, a line becomes `source … </s>`, else `… </s>`. Raises `UserError` when the
    model is of another kind.
    """
    proto = read_proto(model)
    check(proto, model)
    found = vocabulary(proto, symbols)
    tokenizer = Tokenizer(models.BPE(found.ids, found.merges, unk_token=SPECIALS[3], fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(_normalizers(proto))
    # Where no piece goes over a word's beginning, words can be merged on their own, and be remembered.
    if not any(SPACE in piece.text[1:] for piece in proto.pieces if piece.kind == NORMAL):
        tokenizer.pre_tokenizer = pre_tokenizers.Split(SPACE, "merged_with_next")
    first = f"{source}:0 " if source else ""
    needed = [symbol for symbol in (source, "</s>") if symbol]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first}$A:0 </s>:0", special_tokens=[(symbol, found.ids[symbol]) for symbol in needed]
    )
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(symbol, special=True, normalized=False) for symbol in [*SPECIALS, *tags]])
    return tokenizer, found


def _normalizers(proto: Proto) -> list[Any]:
    """SentencePiece's treatment of a line, step by step."""
    steps: list[Any] = [normalizers.Precompiled(proto.charsmap)] if proto.charsmap else []
    if proto.single_spaces:
        steps += [normalizers.Replace(Regex(r"\A +"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    steps += [normalizers.Prepend(" ")] if proto.dummy_prefix else []
    steps += [normalizers.Replace(" ", SPACE)]
    # Its mark of a space is taken for one at the end of a line, and nowhere else.
    return steps + ([normalizers.Replace(Regex(rf"{SPACE}+\z"), "")] if proto.single_spaces else [])


def settings(tags: Sequence[str], longest: int) -> dict[str, Any]:
    """`tokenizer_config.json`; `longest` is the model's number of source positions."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **special_tokens(tags),
        "model_max_length": longest,
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
        # Text that looks like a tag or an end of sentence is text.
        "split_special_tokens": True,
        "model_input_names": ["input_ids", "attention_mask"],
    }


def special_tokens(tags: Sequence[str]) -> dict[str, Any]:
    """`special_tokens_map.json`."""
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), SPECIALS, strict=True))
    # transformers 4 knows the older of the two names.
    return {**names, "extra_special_tokens": list(tags), "additional_special_tokens": list(tags)}
