"""Small fairseq Transformers, briefly trained, and fairseq's own generator to compare engines with."""

from __future__ import annotations

import functools
from argparse import Namespace
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from workflow_scripts.formats.architecture import Architecture
from workflow_scripts.formats.fairseq_settings import architecture_of

TAGS = ["__en__", "__de__"]
WORDS = [f"w{index}" for index in range(12)]
SYMBOLS = ["<s>", "<pad>", "</s>", "<unk>", *WORDS, *TAGS]


@dataclass
class Tiny:
    """A fairseq model, its options, and translation by fairseq's generator."""

    model: torch.nn.Module
    dictionary: object
    options: Namespace

    @property
    def architecture(self) -> Architecture:
        return architecture_of(self.options)

    @property
    def state(self) -> dict[str, torch.Tensor]:
        return self.model.state_dict()

    def masked(self, kept: dict) -> Tiny:
        """The plain masked model: rows of fc1's weight outside the mask are zero."""
        other = self.__class__(self.build(self.options, self.dictionary), self.dictionary, self.options)
        state = {name: tensor.clone() for name, tensor in self.state.items()}
        for (component, layer), neurons in kept.items():
            off = np.setdiff1d(np.arange(self.options.encoder_ffn_embed_dim), neurons)
            state[f"{component}.layers.{layer}.fc1.weight"][off] = 0
        other.model.load_state_dict(state)
        return other

    @staticmethod
    def build(options: Namespace, dictionary: object) -> torch.nn.Module:
        import workflow_scripts.fairseq_plugin.compat  # noqa: F401  isort: skip
        from fairseq.models.transformer import TransformerModel

        task = Namespace(source_dictionary=dictionary, target_dictionary=dictionary)
        return TransformerModel.build_model(options, task).eval()

    def translate(self, sources: list[list[str]], beam: int, length_penalty: float, max_length: int) -> list:
        """Per sentence (tokens, score) by fairseq, as its programs print them: no target tag, wherever it stands."""
        found = self.search(sources, beam, length_penalty, max_length)
        return [([token for token in tokens if token != TAGS[1]], score) for tokens, score in found]

    def search(self, sources: list[list[str]], beam: int, length_penalty: float, max_length: int) -> list:
        """Per sentence (tokens without the forced tag and the end, score), one sentence at a time, by fairseq."""
        return [found[0] for found in self._finished(sources, beam, length_penalty, max_length)]

    def nbest(self, sources: list[list[str]], beam: int, length_penalty: float, max_length: int) -> list:
        """Like `translate`, all finished hypotheses of each sentence, best first."""
        return [
            [([token for token in tokens if token != TAGS[1]], score) for tokens, score in found]
            for found in self._finished(sources, beam, length_penalty, max_length)
        ]

    def _finished(self, sources: list[list[str]], beam: int, length_penalty: float, max_length: int) -> list:
        from fairseq.sequence_generator import SequenceGenerator

        generator = SequenceGenerator(
            [self.model], self.dictionary, beam_size=beam, len_penalty=length_penalty, max_len_b=max_length
        )
        results = []
        for words in sources:
            ids = [self.dictionary.index(word) for word in ["__en__", *words]] + [self.dictionary.eos()]
            tokens = torch.tensor([ids])
            prefix = torch.tensor([[self.dictionary.index("__de__")]])
            sample = {"net_input": {"src_tokens": tokens, "src_lengths": torch.tensor([len(ids)])}}
            with torch.no_grad():
                found = generator.generate([self.model], sample, prefix_tokens=prefix)[0]
            results.append(
                [([self.dictionary[index] for index in one["tokens"][1:-1]], float(one["score"])) for one in found]
            )
        return results


def learn(tiny: Tiny, updates: int = 150) -> None:
    """Teach a model to say sentences backwards, not long enough to be sure of itself."""
    random = np.random.default_rng(0)
    end, tags = tiny.dictionary.eos(), [tiny.dictionary.index(tag) for tag in TAGS]
    optimizer = torch.optim.Adam(tiny.model.parameters(), lr=1e-2)
    tiny.model.train()
    for _ in range(updates):
        words = random.integers(4, 4 + len(WORDS), (32, random.integers(1, 8)))
        column = np.ones((32, 1), dtype=int)
        source = torch.as_tensor(np.hstack([column * tags[0], words, column * end]))
        target = torch.as_tensor(np.hstack([column * end, column * tags[1], words[:, ::-1], column * end]))
        logits, _ = tiny.model(source, torch.full((32,), source.shape[1]), target[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tiny.model.eval()


@pytest.fixture(scope="session")
def tiny():
    """`tiny(**options)` makes a model, once; options override fairseq's base architecture."""
    import workflow_scripts.fairseq_plugin.compat  # noqa: F401  isort: skip
    from fairseq.data import Dictionary
    from fairseq.models.transformer import base_architecture

    dictionary = Dictionary()
    for symbol in SYMBOLS[4:]:
        dictionary.add_symbol(symbol)

    @functools.cache
    def make(**chosen) -> Tiny:
        options = Namespace(
            encoder_layers=2,
            decoder_layers=2,
            encoder_embed_dim=16,
            encoder_ffn_embed_dim=24,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            max_source_positions=32,
            max_target_positions=32,
            dropout=0.0,
        )
        vars(options).update(chosen)
        base_architecture(options)
        torch.manual_seed(0)
        made = Tiny(Tiny.build(options, dictionary), dictionary, options)
        learn(made)
        return made

    return make


@pytest.fixture(scope="session")
def sentences() -> list[list[str]]:
    """Sixteen sentences of one to nine words, and an empty one."""
    random = np.random.default_rng(7)
    return [[], *(random.choice(WORDS, size).tolist() for size in random.integers(1, 10, 16))]
