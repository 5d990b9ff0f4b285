"""Exported models against the fairseq models they were made from, by transformers itself."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import dataclass, replace

import numpy as np
import pytest
import sentencepiece
import torch
from safetensors import safe_open
from transformers import M2M100ForConditionalGeneration

from workflow_scripts.artifacts import Mask, Masks
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.formats import checkpoint
from workflow_scripts.formats import transformers_folder as folders
from workflow_scripts.formats import transformers_model as m2m100
from workflow_scripts.formats.architecture import NamedModel
from workflow_scripts.formats.fairseq_settings import architecture_of
from workflow_scripts.formats.folded import folded_model
from workflow_scripts.formats.transformers_sets import PROVENANCE, SETS, specialize

PAIR, OTHER = Direction("en", "de"), Direction("de", "en")
TAGS = ["__en__", "__de__"]
PIECES, NEURONS = 60, 24
SIZE = 4 + PIECES + len(TAGS)
SEARCH = {"beam": 3, "length_penalty": 0.5, "max_length": 20}
SENTENCES, LONGEST = 100, 24


@dataclass
class Made:
    """A random fairseq model of sharing kind `shares`, and what an export takes."""

    model: torch.nn.Module
    parts: folders.Model


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    path = tmp_path_factory.mktemp("pieces") / "pieces.model"
    random = np.random.default_rng(3)
    lines = [" ".join("".join(random.choice(list("abcdef"), 4)) for _ in range(5)) for _ in range(300)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(path.with_suffix("")),
        model_type="bpe",
        vocab_size=PIECES + 3,
        normalization_rule_name="identity",
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return path, [processor.id_to_piece(number) for number in range(3, PIECES + 3)]


@pytest.fixture(scope="module")
def make(pieces):
    """`make("decoder", **options)`: a model of fairseq's base architecture with other options."""
    import workflow_scripts.fairseq_plugin.compat  # noqa: F401  isort: skip
    from fairseq.data import Dictionary
    from fairseq.models.transformer import TransformerModel, base_architecture

    dictionary = Dictionary()
    for symbol in [*pieces[1], *TAGS]:
        dictionary.add_symbol(symbol)

    def build(shares: str = "decoder", **chosen) -> Made:
        options = Namespace(
            encoder_layers=2,
            decoder_layers=3,
            encoder_embed_dim=16,
            encoder_ffn_embed_dim=NEURONS,
            encoder_attention_heads=4,
            decoder_attention_heads=2,
            dropout=0.0,
            max_source_positions=32,
            max_target_positions=40,
            encoder_normalize_before=True,
            decoder_normalize_before=True,
            encoder_layerdrop=0.2,
            share_all_embeddings=shares == "all",
            share_decoder_input_output_embed=shares != "none",
        )
        vars(options).update(chosen)
        base_architecture(options)
        torch.manual_seed(0)
        task = Namespace(source_dictionary=dictionary, target_dictionary=dictionary)
        model = TransformerModel.build_model(options, task).eval()
        with torch.no_grad():
            # fairseq begins with biases of zero and norms of one, which would hide that one is taken for another.
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape))
            for side in (model.encoder, model.decoder):
                side.embed_tokens.weight[dictionary.pad()] = 0
        state = checkpoint.weights(model.state_dict())
        shape = architecture_of(options)
        return Made(model, folders.Model(state, shape, dictionary.symbols, TAGS, pieces[0], SEARCH, {}))

    return build


def write_direction(folder, parts: folders.Model, pair: Direction, kept) -> folders.Written:
    """The small model of a direction, as an export writes it."""
    small = folded_model(NamedModel(parts.architecture, parts.state), kept, differ=False)
    return folders.write_folder(
        folder, replace(parts, state=small.weights, architecture=small.architecture), pair, None
    )


def write_whole(folder, parts: folders.Model, rows) -> folders.Written:
    return folders.write_folder(folder, parts, None, rows)


def masks_of(pairs=(PAIR, OTHER), seed: int = 0) -> Masks:
    """Sets of different sizes in every layer but the last of the decoder, which stays dense."""
    random = np.random.default_rng(seed)
    rows = [
        Mask(str(pair), component, layer, NEURONS, np.flatnonzero(random.random(NEURONS) < 0.5).astype(np.int32), 95, 0)
        for pair in pairs
        for component in ("encoder", "decoder")
        for layer in range(2)
    ]
    return Masks(rows, {})


def load(folder) -> M2M100ForConditionalGeneration:
    model, found = M2M100ForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not any(found.values()), found
    return model.eval()


def sentences() -> list[tuple[list[int], list[int]]]:
    """Sources with tag and end, and what the decoder is given: end, tag, pieces."""
    random = np.random.default_rng(1)
    en, de = SIZE - 2, SIZE - 1
    return [
        ([en, *random.integers(3, SIZE, source).tolist(), 2], [2, de, *random.integers(3, SIZE, target).tolist()])
        for source, target in random.integers(1, LONGEST, (SENTENCES, 2))
    ]


def by_fairseq(model) -> list[torch.Tensor]:
    """Logits [positions, symbols] of every sentence, one at a time."""
    with torch.no_grad():
        return [
            model(torch.tensor([source]), torch.tensor([len(source)]), torch.tensor([told]))[0][0]
            for source, told in sentences()
        ]


def by_transformers(model, left: bool) -> list[torch.Tensor]:
    """The same of all sentences at once, padded on the left or on the right."""

    def padded(lines):
        longest = max(map(len, lines))
        return torch.tensor(
            [[1] * (longest - len(line)) * left + line + [1] * (longest - len(line)) * (not left) for line in lines]
        )

    sources, told = (padded(lines) for lines in zip(*sentences(), strict=True))
    with torch.no_grad():
        logits = model(
            input_ids=sources,
            attention_mask=sources.ne(1),
            decoder_input_ids=told,
            decoder_attention_mask=told.ne(1),
        ).logits
    return [line[real] for line, real in zip(logits, told.ne(1), strict=True)]


def assert_same(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    found, expected = torch.cat(found), torch.cat(expected)
    assert len(expected) >= 1000
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert torch.equal(found.argmax(-1), expected.argmax(-1))


@pytest.mark.parametrize("shares", ["decoder", "all", "none"])
def test_a_direction_has_the_masked_models_logits(make, shares, tmp_path):
    from workflow_scripts.layers.specialized_ffn import DirectionMasks

    made, masks = make(shares), masks_of()
    written = write_direction(tmp_path, made.parts, PAIR, masks.kept()[str(PAIR)])
    DirectionMasks(made.model, masks.rows).activate(str(PAIR))
    expected, model = by_fairseq(made.model), load(tmp_path)
    for left in (False, True):
        assert_same(by_transformers(model, left), expected)
    assert written == folders.Written(shares == "all", beyond=0, normalizes=False)
    # The decoder has a layer without masks, so all its layers keep their width.
    layers = [getattr(model.model, side).layers[0].fc1.out_features for side in ("encoder", "decoder")]
    assert layers[0] == max(len(row.neurons) for row in masks.rows[:2]) < NEURONS == layers[1]


def test_options_that_m2m100_knows_are_kept(make, tmp_path):
    made = make("all", no_scale_embedding=True, decoder_ffn_embed_dim=40)
    write_whole(tmp_path, made.parts, None)
    model = load(tmp_path)
    assert_same(by_transformers(model, left=False), by_fairseq(made.model))
    assert (model.config.encoder_layerdrop, model.config.decoder_layerdrop) == (0, 0)
    assert model.config.max_position_embeddings == 40
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert [name for name in file.keys() if "embed" in name or "lm_head" in name or "shared" in name] == [  # noqa: SIM118
            "model.shared.weight"
        ]
    assert not (tmp_path / SETS).exists()


def test_weights_are_the_same_bit_for_bit(make, tmp_path):
    made = make()
    write_whole(tmp_path, made.parts, None)
    state = load(tmp_path).state_dict()
    for name, tensor in made.parts.state.items():
        if not name.endswith(("version", "_float_tensor")) and "output_projection" not in name:
            assert torch.equal(state[f"model.{name}"], tensor), name
    assert torch.equal(state["lm_head.weight"], made.parts.state["decoder.output_projection.weight"])


def test_generation_is_set_up_as_the_run_searched(make, tmp_path):
    write_direction(tmp_path, make().parts, PAIR, {})
    config = load(tmp_path).generation_config
    assert (config.num_beams, config.length_penalty, config.early_stopping) == (3, 0.5, True)
    # End of sentence in front, 20 pieces with the tag, end of sentence.
    assert (config.max_length, config.forced_bos_token_id, config.decoder_start_token_id) == (22, SIZE - 1, 2)
    write_whole(tmp_path, make(max_target_positions=16).parts, None)
    config = load(tmp_path).generation_config
    assert (config.max_length, config.forced_bos_token_id) == (17, None)


@pytest.fixture
def whole(make, tmp_path):
    """The whole model by fairseq and by transformers, with the masks it was written with."""
    made, masks = make(), masks_of()
    origin = folders.provenance("1", "", None, masks.rows)
    parts = folders.Model(**{**vars(made.parts), "provenance": origin})
    write_whole(tmp_path, parts, masks.rows)
    return made.model, load(tmp_path), masks


def test_masks_of_the_run_make_a_loaded_model_one_directions(whole, tmp_path):
    from workflow_scripts.layers.specialized_ffn import DirectionMasks

    original, model, masks = whole
    dense, at_work = by_fairseq(original), DirectionMasks(original, masks.rows)
    for pair in (PAIR, OTHER):
        at_work.activate(str(pair))
        specialized = specialize(model, masks, pair)
        expected = by_fairseq(original)
        assert_same(by_transformers(model, left=False), expected)
        assert (torch.cat(expected) - torch.cat(dense)).abs().max() > 0.01
    specialized.deactivate()
    assert_same(by_transformers(model, left=False), dense)
    model.save_pretrained(tmp_path / "again")
    assert_same(by_transformers(load(tmp_path / "again"), left=False), dense)


def test_a_specialized_model_trains_as_the_masked_one(whole):
    """Gradients, and under activation dropout what a neuron outside the set emits is dropped too."""
    _, model, masks = whole
    masked = M2M100ForConditionalGeneration(model.config)
    masked.load_state_dict(model.state_dict())
    specialize(model, masks, PAIR)
    for row in masks.rows:
        if row.pair == str(PAIR):
            kept = torch.zeros(NEURONS, 1).index_fill(0, torch.as_tensor(row.neurons, dtype=torch.int64), 1)
            fc1 = getattr(masked.model, row.component).layers[row.layer].fc1
            torch.nn.utils.parametrize.register_parametrization(fc1, "weight", Masked(kept))
    batch = {"input_ids": torch.tensor([[SIZE - 2, 5, 6, 7, 2]]), "labels": torch.tensor([[SIZE - 1, 8, 9, 2]])}
    for p in (0.0, 0.4):
        losses = []
        for each in (model, masked):
            each.train()
            for side in ("encoder", "decoder"):
                for layer in getattr(each.model, side).layers:
                    layer.activation_dropout = layer.dropout = p
                    if hasattr(layer, "activation_dropout_module"):
                        layer.activation_dropout_module.p = p
            torch.manual_seed(7)
            each.zero_grad()
            loss = each(**batch).loss
            loss.backward()
            losses.append((loss, each.model.decoder.layers[0].fc2.weight.grad, each.model.shared.weight.grad))
        torch.testing.assert_close(losses[0][0], losses[1][0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(losses[0][1], losses[1][1], rtol=1e-4, atol=1e-6)


class Masked(torch.nn.Module):
    """The method's formula: rows of fc1's weight outside the set are zero."""

    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def forward(self, weight):
        return weight * self.kept


def test_other_masks_than_the_exported_ones_are_refused(whole):
    _, model, masks = whole
    with pytest.raises(UserError, match=r"exported with masks of digest .* take the masks of its run"):
        specialize(model, masks_of(seed=5), PAIR)
    with pytest.raises(UserError, match="no masks for direction de-fr"):
        specialize(model, masks, Direction("de", "fr"))
    assert getattr(model.config, PROVENANCE)["pair"] is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"encoder_normalize_before": False}, "post-norm encoder layers, no final norm of the encoder"),
        ({"decoder_normalize_before": False}, "post-norm decoder layers"),
        ({"encoder_learned_pos": True}, "learned positions"),
        ({"decoder_learned_pos": True}, "learned positions"),
        ({"no_token_positional_embeddings": True}, "no positions"),
        ({"layernorm_embedding": True}, "layernorm_embedding"),
        ({"activation_fn": "gelu"}, "the activation gelu"),
        ({"no_decoder_final_norm": True}, "no final norm of the decoder"),
        ({"decoder_embed_dim": 32, "decoder_input_dim": 32, "decoder_output_dim": 32}, "of different widths"),
    ],
)
def test_what_m2m100_cannot_hold_is_refused_in_words(make, options, reason, tmp_path):
    made = make("none", **options)
    with pytest.raises(UserError, match=reason):
        write_direction(tmp_path, made.parts, PAIR, {})
    assert not list(tmp_path.iterdir())


def test_widths_that_differ_within_a_component_are_not_written_as_one(make):
    from workflow_scripts.formats.folded import folded_state

    parts = make().parts
    narrow = folded_state(parts.state, {("encoder", 0): np.arange(8)}, lambda component, neurons: neurons)
    with pytest.raises(ValueError, match="one width per component"):
        m2m100.configuration(narrow, parts.architecture)


def test_the_folder_says_what_made_it(make, tmp_path):
    parts = make().parts
    write_direction(tmp_path, folders.Model(**{**vars(parts), "provenance": {"pair": "en-de"}}), PAIR, {})
    assert json.loads((tmp_path / "config.json").read_text())[PROVENANCE] == {"pair": "en-de"}
