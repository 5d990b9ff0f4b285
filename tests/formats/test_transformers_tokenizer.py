"""The fast tokenizer, as transformers loads it, against SentencePiece and fairseq's dictionary, line by line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from transformers import PreTrainedTokenizerFast

from workflow_scripts.corpus.pieces import count_pieces, dictionary_text, load_model
from workflow_scripts.errors import UserError
from workflow_scripts.formats import sentencepiece_proto, transformers_tokenizer

TAGS = ["__en__", "__de__"]
SCRIPTS = ["en", "ru", "ar", "he", "hi", "bn", "gu", "kn", "am", "ti", "mt", "de", "sr", "pl", "sd", "it", "mr", "bg"]
ODD = [
    *("", " ", "   ", "  a  b ", "\ta\tb", "a\nb", "x\u00a0y", "\u3000x\u3000", "a\u200bb", "\ufeffa"),
    *("\u2581", "\u2581a \u2581 b\u2581", "a\u2581b \u2581", "\u2581\u2581a", "a \u2581\u2581"),
    *("☃☃☃ a☃b", "☃ ☃", "aaaaaaa aaaaaaaaaaa", "........ ...", "---------- ======", "👩‍👩‍👧", "ﬁ Ａ ①"),
    *("e\u0301 é", "a" * 3000, "🙂" * 50, "\x00a", "\x7f", "'n \"n"),
]
LIKE_SYMBOLS = ["__en__ a", "a __de__ b", "</s>", "a<s>b", "<unk>", "<pad> <pad>", "<mask>"]
"""Text all the same, but where SentencePiece knows none of the characters: the dictionary takes it for the symbol."""


def trained(path: Path, lines, **options) -> Path:
    """A SentencePiece model made as the pipeline makes it, unless `options` say otherwise."""
    settings = {"model_type": "bpe", "normalization_rule_name": "identity", "vocab_size": 120, "num_threads": 1}
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=file, minloglevel=2, **settings | options
        )
    return path


def symbols_of(counts) -> list[str]:
    """The dictionary of counted pieces with its special symbols and tags."""
    known = [line.rsplit(" ", 1)[0] for line in dictionary_text(counts).splitlines()]
    return [*transformers_tokenizer.SPECIALS, *known, *TAGS]


def check(folder: Path, model: Path, symbols: list[str], lines: list[str]) -> int:
    """Assert that every line has the same ids; how many pieces had no row in the model."""
    tokenizer, vocabulary = transformers_tokenizer.fast_tokenizer(model, symbols, TAGS, "__en__")
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = transformers_tokenizer.settings(TAGS, 10**6)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    loaded = PreTrainedTokenizerFast.from_pretrained(folder)
    rows = {symbol: row for row, symbol in enumerate(symbols)}
    processor = load_model(model)
    expected = [
        [rows["__en__"], *(rows.get(piece, 3) for piece in pieces), rows["</s>"]]
        for pieces in processor.encode(lines, out_type=str)
    ]
    found = loaded(lines)["input_ids"]
    assert max(max(line) for line in found) < len(symbols) + vocabulary.beyond
    found = [[number if number < len(symbols) else 3 for number in line] for line in found]
    wrong = [line for line, one, other in zip(lines, found, expected, strict=True) if one != other]
    assert not wrong, f"{len(wrong)} of {len(lines)} lines differ, first {wrong[0]!r}"
    assert [loaded.convert_tokens_to_ids(symbol) for symbol in symbols] == list(range(len(symbols)))
    return vocabulary.beyond


@pytest.fixture(scope="module")
def ntrex(shared):
    """Real text in nine scripts, a list of lines per language."""
    found = {}
    for code in SCRIPTS:
        files = [shared / f"data/ntrex/{split}.{code}.gz" for split in ("train", "test")]
        text = b"".join(gzip.decompress(path.read_bytes()) for path in files)
        found[code] = text.decode().split("\n")[:-1]
    return found


def test_real_lines_of_nine_scripts_and_odd_ones(ntrex, tmp_path):
    lines = [line for text in ntrex.values() for line in text]
    assert len(lines) >= 30000
    # The dictionary is counted on a part of the text, and so lacks pieces, as a run's dictionary does.
    model = trained(tmp_path / "joint.model", lines[::4], vocab_size=5000, character_coverage=0.9995)
    symbols = symbols_of(count_pieces(load_model(model), lines[::9]))
    beyond = check(tmp_path, model, symbols, [*lines, *ODD, *LIKE_SYMBOLS])
    assert beyond > 0


@pytest.mark.parametrize(
    "options",
    [{}, {"add_dummy_prefix": False}, {"remove_extra_whitespaces": False}, {"split_by_whitespace": False}],
    ids=str,
)
def test_random_lines_of_few_characters(options, tmp_path):
    """Runs of the same character have more than one way to be merged; spaces stand anywhere."""
    random = np.random.default_rng(0)

    def line(characters: str, longest: int) -> str:
        return "".join(random.choice(list(characters), random.integers(0, longest)))

    text = [f"a{line('aaab.. --', 30)}{line('aaaa....---', 12)}" for _ in range(2000)]
    model = trained(tmp_path / "few.model", text, **options)
    lines = [line("aab.- ", 25) for _ in range(4000)] + [line("aab. -\u2581\n\té☃\u0301", 25) for _ in range(4000)]
    processor = load_model(model)
    known = [processor.id_to_piece(number) for number in range(3, len(processor))]
    assert check(tmp_path, model, [*transformers_tokenizer.SPECIALS, *known, *TAGS], [*lines, *ODD]) == 0
    few = [*transformers_tokenizer.SPECIALS, *known[::2], *TAGS]
    assert check(tmp_path, model, few, [*lines, *ODD]) == len(known) - len(known[::2])


def test_a_normalizing_model(tmp_path):
    """Stacked marks and half-width kana apart, as the tokenizers library normalizes a letter and its marks as one."""
    text = ["ﬁn Ａ① x\u00a0y é e\u0301 ½ …", "the end", "fin A1 x y"] * 30
    model = trained(tmp_path / "nfkc.model", text, normalization_rule_name="nmt_nfkc", vocab_size=45)
    processor = load_model(model)
    known = [processor.id_to_piece(number) for number in range(3, len(processor))]
    lines = [*text[:3], *(line for line in ODD if line.isprintable())]
    check(tmp_path, model, [*transformers_tokenizer.SPECIALS, *known, *TAGS], lines)


def test_without_a_source_tag_the_text_and_the_end(tmp_path):
    model = trained(tmp_path / "m.model", ["a b c ab bc"] * 50, vocab_size=14)
    processor = load_model(model)
    known = [processor.id_to_piece(number) for number in range(3, len(processor))]
    symbols = [*transformers_tokenizer.SPECIALS, *known, *TAGS]
    tokenizer, _ = transformers_tokenizer.fast_tokenizer(model, symbols, TAGS, None)
    assert tokenizer.encode("ab c").tokens == [*processor.encode("ab c", out_type=str), "</s>"]
    assert tokenizer.decode(tokenizer.encode("ab  c").ids) == "ab c"


def test_the_model_file_says_what_sentencepiece_says(tmp_path):
    model = trained(tmp_path / "m.model", ["a b c ab bc"] * 50, vocab_size=14, remove_extra_whitespaces=False)
    processor, proto = load_model(model), sentencepiece_proto.read_proto(model)
    numbers = range(len(processor))
    assert [piece.text for piece in proto.pieces] == [processor.id_to_piece(number) for number in numbers]
    assert [piece.score for piece in proto.pieces] == [processor.get_score(number) for number in numbers]
    assert [piece.kind == 3 for piece in proto.pieces] == [processor.is_control(number) for number in numbers]
    assert [piece.kind == 2 for piece in proto.pieces] == [processor.is_unknown(number) for number in numbers]
    assert (proto.model, proto.charsmap, proto.dummy_prefix, proto.single_spaces) == (2, b"", True, False)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"model_type": "unigram", "vocab_size": 12}, "not a BPE model"),
        ({"byte_fallback": True, "vocab_size": 270}, "falls back to bytes"),
        ({"user_defined_symbols": ["<x>"], "vocab_size": 14}, "user-defined"),
        ({"treat_whitespace_as_suffix": True, "vocab_size": 14}, "marks the end of words"),
    ],
)
def test_other_models_are_refused_in_words(options, reason, tmp_path):
    model = trained(tmp_path / "m.model", ["a b c ab bc d e f"] * 50, **options)
    with pytest.raises(UserError, match=reason):
        transformers_tokenizer.fast_tokenizer(model, ["<s>"], TAGS, None)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        sentencepiece_proto.read_proto(tmp_path / "none.model")
    for content in (b"", b"hello, I am text\n" * 9, b"\x0a\xff", b"\x0b\x00"):
        (tmp_path / "broken.model").write_bytes(content)
        with pytest.raises(UserError, match="is not a SentencePiece model"):
            sentencepiece_proto.read_proto(tmp_path / "broken.model")
