"""M2M-100 and NLLB-200 made small, by transformers itself: folders as they are published, with random weights."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import sentencepiece
import torch

KINDS = ("m2m100", "nllb")
SIZES = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 40,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 2,
    "max_position_embeddings": 64,
}
LANGUAGES = {"m2m100": ["en", "de", "fr"], "nllb": ["eng_Latn", "deu_Latn", "fra_Latn"]}
"""Tags that tests use."""


def random_lines(count: int = 400) -> list[str]:
    """Words of few letters, one of them seldom."""
    draw = random.Random(5)
    words = ["".join(draw.choices("abcdefghé", (9, 8, 7, 6, 5, 4, 3, 2, 1), k=draw.randint(1, 6))) for _ in range(80)]
    return [" ".join(draw.choices(words, k=draw.randint(2, 9))) for _ in range(count)]


def train_pieces(folder: Path, lines: Iterable[str], size: int) -> Path:
    """`sentencepiece.bpe.model` with the normalization that both models have."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sentencepiece.bpe.model"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(path.with_suffix("")),
        model_type="bpe",
        vocab_size=size,
        character_coverage=1.0,
        minloglevel=2,
    )
    path.with_suffix(".vocab").unlink()
    return path


def make_model(folder: Path, rows: int, **sizes: object):
    """An M2M100 with random weights of `rows` symbols, saved into `folder` as safetensors."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    torch.manual_seed(3)
    model = M2M100ForConditionalGeneration(M2M100Config(vocab_size=rows, **(SIZES | sizes))).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # It begins with biases of zero and norms of one, which would hide that one is taken for another.
            parameter.add_(torch.randn(parameter.shape) * (0.5 if "shared" in name else 0.1))
        model.model.shared.weight[1] = 0
    model.save_pretrained(folder)
    return model


def make_m2m100(folder: Path, lines: Iterable[str], size: int = 60, **sizes: object):
    """As M2M-100 is published: pieces in another order than SentencePiece's, 100 tags, eight rows for nothing."""
    from transformers import M2M100Tokenizer

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(train_pieces(folder, lines, size)))
    listed = ["<s>", "<pad>", "</s>", "<unk>", *reversed([pieces.id_to_piece(row) for row in range(3, size)])]
    (folder / "vocab.json").write_text(json.dumps({text: row for row, text in enumerate(listed)}), encoding="utf-8")
    M2M100Tokenizer(folder / "vocab.json", folder / "sentencepiece.bpe.model").save_pretrained(folder)
    return make_model(folder, len(listed) + 100 + 8, **sizes)


def make_nllb(folder: Path, lines: Iterable[str], size: int = 60, **sizes: object):
    """As NLLB-200 is published: 202 tags, `<mask>` and two rows for nothing; a fast tokenizer beside the pieces."""
    from transformers import NllbTokenizer
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    from workflow_scripts.formats.sentencepiece_proto import read_proto
    from workflow_scripts.formats.transformers_tokenizer import vocabulary

    path = train_pieces(folder, lines, size)
    proto = read_proto(path)
    symbols = ["<s>", "<pad>", "</s>", "<unk>", *(piece.text for piece in proto.pieces[3:])]
    tokenizer = NllbTokenizer(
        # As published: tags behind the pieces, the mask behind the tags.
        vocab={text: row for row, text in enumerate([*symbols, *FAIRSEQ_LANGUAGE_CODES, "<mask>"])},
        merges=vocabulary(proto, symbols).merges,
        _spm_precompiled_charsmap=proto.charsmap,
        extra_special_tokens=[*FAIRSEQ_LANGUAGE_CODES, "<mask>"],
    )
    tokenizer.save_pretrained(folder)
    return make_model(folder, len(symbols) + 202 + 3, **sizes)


MAKE = {"m2m100": make_m2m100, "nllb": make_nllb}


def copied(folder: Path, target: Path) -> Path:
    """A folder of a model to be changed."""
    return shutil.copytree(folder, target)


def changed(folder: Path, file: str, **values: object) -> None:
    """Change keys of a JSON file; those that become None are removed."""
    path = folder / file
    content = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}), encoding="utf-8")
