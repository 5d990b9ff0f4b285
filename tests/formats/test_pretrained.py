"""Pretrained M2M-100 and NLLB-200 as they are taken: against transformers itself; and folders that are refused."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import pretrained_models as made
from workflow_scripts.errors import UserError
from workflow_scripts.formats import checkpoint
from workflow_scripts.formats.fairseq_content import as_checkpoint
from workflow_scripts.formats.transformers_files import model_digests, present, weight_files
from workflow_scripts.formats.transformers_read import read_model
from workflow_scripts.formats.transformers_rows import for_dictionary, put_back, rows_of
from workflow_scripts.formats.transformers_vocabulary import M2M100, read_vocabulary, run_symbols

SENTENCES, LONGEST = 100, 24


@pytest.fixture(scope="module", params=made.KINDS)
def folder(request, tmp_path_factory) -> Path:
    """A model's folder, named after its kind."""
    path = tmp_path_factory.mktemp("models") / request.param
    made.MAKE[request.param](path, made.random_lines())
    return path


@pytest.fixture
def own(folder, tmp_path) -> Path:
    """A copy to be changed."""
    return made.copied(folder, tmp_path / folder.name)


@pytest.fixture(scope="module")
def nllb(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "nllb"
    made.make_nllb(path, made.random_lines())
    return path


def tags_of(folder: Path) -> dict[str, str]:
    return dict(zip(("en", "de", "fr"), made.LANGUAGES[folder.name], strict=True))


def dictionary_of(symbols: list[str]):
    import workflow_scripts.fairseq_plugin.compat  # noqa: F401  isort: skip
    from fairseq.data import Dictionary

    dictionary = Dictionary()
    for symbol in symbols[4:]:
        dictionary.add_symbol(symbol)
    assert dictionary.symbols == symbols
    return dictionary


def taken(folder: Path, symbols: list[str] | None = None):
    """The folder's model as fairseq's, with the rows of `symbols` (all without)."""
    from workflow_scripts.fairseq_plugin import model as transformer

    tags = tags_of(folder)
    symbols = symbols or run_symbols(read_vocabulary(folder), tags)
    named = for_dictionary(read_model(folder), folder, symbols, tags)
    return transformer.build_model(as_checkpoint(folder, named), dictionary_of(symbols))


def sentences(rows: range) -> list[tuple[list[int], list[int]]]:
    """Sources with tag and end, and what the decoder is given: end, tag, pieces; tags are any rows here."""
    draw = random.Random(1)

    def line() -> list[int]:
        return [draw.choice(rows) for _ in range(draw.randint(2, LONGEST))]

    return [([*line(), 2], [2, *line()]) for _ in range(SENTENCES)]


def by_fairseq(model, lines) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat(
            [
                model(torch.tensor([source]), torch.tensor([len(source)]), torch.tensor([told]))[0][0]
                for source, told in lines
            ]
        )


def by_transformers(model, lines, left: bool) -> torch.Tensor:
    """All at once, padded on the left or on the right."""

    def padded(side: list[list[int]]) -> torch.Tensor:
        longest = max(map(len, side))
        fill = [[1] * (longest - len(line)) for line in side]
        return torch.tensor([more + line if left else line + more for line, more in zip(side, fill, strict=True)])

    sources, told = (padded([line[side] for line in lines]) for side in (0, 1))
    with torch.no_grad():
        logits = model(
            input_ids=sources,
            attention_mask=sources.ne(1),
            decoder_input_ids=told,
            decoder_attention_mask=told.ne(1),
        ).logits
    return torch.cat([line[real] for line, real in zip(logits, told.ne(1), strict=True)])


def from_pretrained(folder: Path):
    from transformers import M2M100ForConditionalGeneration

    return M2M100ForConditionalGeneration.from_pretrained(folder).eval()


def test_logits_are_those_of_transformers(folder):
    lines = sentences(range(3, len(read_vocabulary(folder).symbols)))
    found, original = by_fairseq(taken(folder), lines), from_pretrained(folder)
    assert len(found) >= 1000
    for left in (False, True):
        expected = by_transformers(original, lines, left)
        assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
        assert torch.equal(found.argmax(-1), expected.argmax(-1))


def test_without_the_formats_number_fairseq_drops_final_norms(nllb, monkeypatch):
    """It takes such weights for ancient ones, and says nothing: what is taken must hold the number."""
    from workflow_scripts.formats import fairseq_content

    lines = sentences(range(3, 60))
    expected = by_fairseq(taken(nllb), lines)
    monkeypatch.setattr(fairseq_content, "with_counters", lambda architecture, weights: dict(weights))
    found = by_fairseq(taken(nllb), lines)
    assert (found.argmax(-1) == expected.argmax(-1)).float().mean() < 0.9


def test_pieces_and_tags_have_the_rows_that_its_own_tokenizer_gives_them(folder):
    import sentencepiece
    from transformers import AutoTokenizer

    tags = tags_of(folder)
    symbols = run_symbols(read_vocabulary(folder), tags)
    numbers = {symbol: row for row, symbol in enumerate(symbols)}
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
    lines = [*made.random_lines(200), "unknown: Ж", "ﬁne  spaces"]
    for code, name in tags.items():
        tokenizer = AutoTokenizer.from_pretrained(folder, src_lang=name)
        for line in lines:
            cut = [numbers.get(piece, 3) for piece in pieces.encode(line, out_type=str)]
            assert [numbers[f"__{code}__"], *cut, 2] == tokenizer(line).input_ids
    assert {row for row, symbol in enumerate(symbols) if symbol.startswith("madeup")} == {
        "m2m100": set(range(len(symbols) - 8, len(symbols))),
        "nllb": set(range(len(symbols) - 2, len(symbols))),
    }[folder.name]


def test_the_languages_of_m2m100_are_in_the_order_of_transformers():
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    assert FAIRSEQ_LANGUAGE_CODES["m2m100"] == M2M100


def test_tags_come_from_whichever_file_lists_them(folder, own):
    """Older folders have no fast tokenizer, or list the tags elsewhere."""
    expected = read_vocabulary(folder)
    listed = sorted(expected.tags, key=expected.tags.get)
    texts = [f"__{name}__" for name in listed] if folder.name == "m2m100" else listed
    rows = {str(expected.tags[name]): {"content": text} for name, text in zip(listed, texts, strict=True)}
    (own / "tokenizer.json").unlink(missing_ok=True)
    gone = dict.fromkeys(("language_codes", "extra_special_tokens", "added_tokens_decoder"))
    for values in ({"added_tokens_decoder": rows}, {"extra_special_tokens": texts}):
        made.changed(own, "tokenizer_config.json", **gone | values)
        assert read_vocabulary(own).tags == expected.tags
    made.changed(own, "tokenizer_config.json", **gone)
    (own / "special_tokens_map.json").write_text(json.dumps({"additional_special_tokens": texts}))
    assert read_vocabulary(own).tags == expected.tags
    (own / "special_tokens_map.json").unlink()
    with pytest.raises(UserError, match="says which tags of languages it has"):
        read_vocabulary(own)


def stored(folder: Path, how: str) -> None:
    """Store the weights of a folder in another way."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"1-of-2": names[::2], "2-of-2": names[1::2]}
    if how == "pickle":
        torch.save(tensors, folder / "pytorch_model.bin")
    elif how == "half":
        save_file({name: tensor.half() for name, tensor in tensors.items()}, folder / "model.safetensors")
    elif how == "copies":
        table = tensors["model.shared.weight"]
        tables = ("lm_head.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight")
        torch.save(tensors | {name: table.clone() for name in tables}, folder / "pytorch_model.bin")
    else:
        end, write = {
            "shards": ("model-{}.safetensors", save_file),
            "pickled shards": ("pytorch_model-{}.bin", torch.save),
        }[how]
        for part, chosen in parts.items():
            write({name: tensors[name] for name in chosen}, folder / end.format(part))
        spread = {name: end.format(part) for part, chosen in parts.items() for name in chosen}
        index = "model.safetensors" if how == "shards" else "pytorch_model.bin"
        (folder / f"{index}.index.json").write_text(json.dumps({"weight_map": spread}))


@pytest.mark.parametrize("how", ["pickle", "half", "copies", "shards", "pickled shards"])
def test_weights_are_read_however_they_are_stored(nllb, tmp_path, how):
    expected, own = read_model(nllb), made.copied(nllb, tmp_path / "nllb")
    stored(own, how)
    found = read_model(own)
    assert found.architecture == expected.architecture
    for name, tensor in expected.weights.items():
        assert found.weights[name].dtype == torch.float32
        assert torch.equal(found.weights[name], tensor.half().float() if how == "half" else tensor), name
    names = [path.name for path in weight_files(own)]
    assert list(model_digests(own)) == [*names, "config.json"]
    assert {*names, "config.json", "tokenizer_config.json"} <= {path.name for path in present(own)}
    assert len(names) == (3 if "shards" in how else 1)


def test_a_pickle_that_could_run_code_is_refused(nllb, tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.mkdir, (tmp_path / "ran",)

    own = made.copied(nllb, tmp_path / "nllb")
    tensors = load_file(own / "model.safetensors")
    (own / "model.safetensors").unlink()
    torch.save(tensors | {"evil": Evil()}, own / "pytorch_model.bin")
    with pytest.raises(UserError, match="which could run code"):
        read_model(own)
    torch.save({"model": tensors}, own / "pytorch_model.bin")
    with pytest.raises(UserError, match="is not a file of weights by name"):
        read_model(own)
    assert not (tmp_path / "ran").exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def reshaped(folder: Path, change) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


LAYER = "model.encoder.layers.0"
BAD = {
    "no configuration": (lambda own: (own / "config.json").unlink(), "config.json is missing: a model of transformers"),
    "no JSON": (lambda own: cut(own / "config.json"), "config.json is damaged: it is not JSON"),
    "a list": (lambda own: (own / "config.json").write_text("[]"), "config.json is damaged: it is no JSON object"),
    "no size": (lambda own: made.changed(own, "config.json", d_model=None), "does not say d_model as numbers above 0"),
    "no pieces": (lambda own: (own / "sentencepiece.bpe.model").unlink(), "sentencepiece.bpe.model is missing"),
    "damaged pieces": (lambda own: cut(own / "sentencepiece.bpe.model"), "is not a SentencePiece model"),
    "no weights": (lambda own: (own / "model.safetensors").unlink(), "has no weights: no model.safetensors"),
    "cut weights": (lambda own: cut(own / "model.safetensors"), "is not loaded: it is damaged"),
    "experts": (
        lambda own: made.changed(own, "config.json", model_type="nllb-moe"),
        "is of model type nllb-moe (a mixture of experts, whose feed-forward layers are not those of every token)",
    ),
    "T5": (lambda own: made.changed(own, "config.json", model_type="t5"), "is of model type t5 (without biases"),
    "post-norm": (
        lambda own: made.changed(own, "config.json", model_type="marian"),
        "is of model type marian (a post-norm Transformer), only m2m_100 (M2M-100, dense NLLB-200) is read",
    ),
    "no type": (lambda own: made.changed(own, "config.json", model_type=None), "is of model type None, only m2m_100"),
    "gelu": (
        lambda own: made.changed(own, "config.json", activation_function="gelu"),
        "the activation is gelu; which neurons fire is told of ReLU alone",
    ),
    "padding": (lambda own: made.changed(own, "config.json", pad_token_id=0), "pad_token_id is 0, not 1"),
    "another width": (
        lambda own: made.changed(own, "config.json", encoder_ffn_dim=50),
        f"{LAYER}.fc1.weight has the shape (48, 16), its config.json describes (50, 16)",
    ),
    "more layers": (lambda own: made.changed(own, "config.json", encoder_layers=3), "lacks 16 weights that its config"),
    "fewer layers": (
        lambda own: made.changed(own, "config.json", decoder_layers=2),
        "has 26 weights that no M2M100 of its config.json has, model.decoder.layers.2.encoder_attn",
    ),
    "more symbols": (
        lambda own: made.changed(own, "config.json", vocab_size=300),
        "model.shared.weight has the shape (",
    ),
    "fewer symbols": (
        lambda own: made.changed(own, "config.json", vocab_size=70),
        "config.json says vocab_size 70: the vocabulary is of another model",
    ),
    "tied, but other tables": (
        lambda own: reshaped(own, lambda w: w.update({"lm_head.weight": w["model.shared.weight"] + 1})),
        "lm_head.weight differs from model.shared.weight, and its config.json says that all embeddings are one table",
    ),
    "not tied, one table": (
        lambda own: made.changed(own, "config.json", tie_word_embeddings=False),
        "lacks lm_head.weight: its config.json says that it is a table of its own",
    ),
    "no table": (
        lambda own: reshaped(own, lambda w: w.pop("model.shared.weight")),
        "has no embeddings: neither model.shared.weight nor lm_head.weight",
    ),
}


def taken_by_the_pipeline(folder: Path) -> None:
    """The data stage comes first."""
    symbols = run_symbols(read_vocabulary(folder), tags_of(folder))
    for_dictionary(read_model(folder), folder, symbols, tags_of(folder))


@pytest.mark.parametrize("name", BAD)
def test_folders_that_are_no_such_model_are_refused(own, name):
    spoil, says = BAD[name]
    spoil(own)
    with pytest.raises(UserError) as error:
        taken_by_the_pipeline(own)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_vocabularies_that_contradict_each_other_are_refused(nllb, tmp_path):
    own = made.copied(nllb, tmp_path / "nllb")
    made.train_pieces(own, ["other words in there", "and others"], 30)
    with pytest.raises(UserError, match=r"another number than sentencepiece.bpe.model \(\d+\): one of the two is of"):
        read_vocabulary(own)
    (own / "tokenizer.json").write_text('{"model": {"vocab": []}, "added_tokens": []}')
    with pytest.raises(UserError, match=r"tokenizer.json is damaged, or no BPE tokenizer"):
        read_vocabulary(own)


def test_pieces_of_another_model_are_refused(tmp_path):
    made.make_m2m100(tmp_path / "m2m100", made.random_lines())
    made.train_pieces(tmp_path / "m2m100", ["УЖЕ НЕ ТО", "ЭТО ДРУГОЕ"], 16)
    with pytest.raises(
        UserError, match=r"12 of the 13 pieces of \S+ are not in vocab.json: one of the two is of another"
    ):
        read_vocabulary(tmp_path / "m2m100")


def test_missing_shards_are_named(nllb, tmp_path):
    own = made.copied(nllb, tmp_path / "nllb")
    stored(own, "shards")
    (own / "model-2-of-2.safetensors").unlink()
    with pytest.raises(
        UserError, match=r"model-2-of-2.safetensors is missing: .*index.json says that it holds weights"
    ):
        read_model(own)
    (own / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../b"}}')
    with pytest.raises(UserError, match="its weight_map does not name files of its folder"):
        read_model(own)


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        (
            {"de": "de"},
            r"language de: de is none of the 202 tags of \S+ \(like it are .*deu_Latn.*\); say in the column",
        ),
        ({"lb": "ltz_Latin"}, r"like it are ltz_Latn"),
        ({"a": "deu_Latn", "b": "deu_Latn"}, "languages a and b have the same tag deu_Latn"),
        ({"deu_Latn": "eng_Latn"}, "__deu_Latn__ is the tag of another language in .* call it by another code"),
    ],
)
def test_languages_without_a_tag_of_their_own_are_refused(nllb, tags, says):
    with pytest.raises(UserError, match=says):
        run_symbols(read_vocabulary(nllb), tags)


def test_codes_may_change_their_tags_among_each_other(nllb):
    before = read_vocabulary(nllb)
    symbols = run_symbols(before, {"deu_Latn": "eng_Latn", "eng_Latn": "deu_Latn"})
    assert symbols[before.tags["eng_Latn"]] == "__deu_Latn__"
    assert symbols[before.tags["deu_Latn"]] == "__eng_Latn__"


def test_a_dictionary_of_another_model_is_refused(nllb):
    tags = tags_of(nllb)
    symbols = run_symbols(read_vocabulary(nllb), tags)
    assert rows_of(nllb, symbols, tags) == list(range(len(symbols)))
    with pytest.raises(UserError, match=r"1 symbols of the data's dictionary \('▁other' first\) are none of"):
        rows_of(nllb, [*symbols, "▁other"], tags)


def test_fewer_rows_compute_the_same_for_what_they_stand_for(folder):
    """What a text never has need not be in memory."""
    tags = tags_of(folder)
    symbols = run_symbols(read_vocabulary(folder), tags)
    kept = [*range(4), *range(5, len(symbols), 3), *(symbols.index(f"__{code}__") for code in tags)]
    kept = sorted(set(kept))
    lines = sentences(range(len(kept)))
    whole = [tuple([kept[row] for row in side] for side in line) for line in lines]
    found = by_fairseq(taken(folder, [symbols[row] for row in kept]), lines)
    expected = by_fairseq(taken(folder), whole)[:, kept]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    model = read_model(folder)
    small = for_dictionary(model, folder, [symbols[row] for row in kept], tags)
    back = put_back(small.weights, kept, model.weights)
    assert checkpoint.weights_digest(back) == checkpoint.weights_digest(dict(model.weights))


def test_training_of_fewer_rows_is_that_of_all_under_the_kept_pieces_alone(nllb):
    """The same loss and gradients, where the other symbols are ruled out; their rows learn nothing."""
    tags = tags_of(nllb)
    symbols = run_symbols(read_vocabulary(nllb), tags)
    kept = sorted({*range(4), *range(5, len(symbols), 3)})
    found = []
    for names, rows in ((symbols, kept), ([symbols[row] for row in kept], range(len(kept)))):
        model = taken(nllb, names)
        loss = torch.zeros(())
        for source, told in sentences(range(4, len(kept)))[:20]:
            source, told = ([rows[one] for one in side] for side in (source, told))
            logits = model(torch.tensor([source]), torch.tensor([len(source)]), torch.tensor([told[:-1]]))[0][0]
            own = torch.tensor([kept.index(one) if rows is kept else one for one in told[1:]])
            loss = loss + torch.nn.functional.cross_entropy(logits[:, list(rows)], own, reduction="sum")
        loss.backward()
        found.append((loss.detach(), {name: one.grad for name, one in model.named_parameters()}))
    (whole, grads), (small, others) = found
    torch.testing.assert_close(small, whole, rtol=1e-5, atol=0)
    largest = max(float(grad.abs().max()) for grad in grads.values())
    for name, grad in grads.items():
        part = grad[kept] if "embed_tokens" in name else grad
        torch.testing.assert_close(others[name], part, rtol=1e-4, atol=1e-5 * largest)
        if "embed_tokens" in name:
            rest = [row for row in range(len(symbols)) if row not in kept]
            assert grad[rest].eq(0).all()
