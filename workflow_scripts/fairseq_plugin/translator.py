"""One loaded system that translates direction after direction, by either engine."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.corpus.prepared_set import PreparedSet
from workflow_scripts.direction import Direction
from workflow_scripts.engines.hypothesis import Hypothesis, plain
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.fairseq_plugin.beam_search import Search, translate
from workflow_scripts.fairseq_plugin.datasets import load_direction, pieces
from workflow_scripts.fairseq_plugin.system_model import load_system
from workflow_scripts.systems.kind import State
from workflow_scripts.systems.variant import Variant

GPU_SENTENCES = 512
"""Sentences of a batch on a GPU, at most: the first logits of each come to the CPU."""


class Translator:
    """A system's checkpoint, ready to translate the directions of a test set.

    `options` are those of `workflow_scripts.steps.decode`. Raises `UserError` when the checkpoint does not fit the
    data or was trained as another system.
    """

    def __init__(self, options: Namespace, manifest: Manifest, test_set: PreparedSet, variant: Variant) -> None:
        self.options, self.test_set, self.variant = options, test_set, variant
        self.device = transformer.device(options.device)
        found = load_system(options.checkpoint, manifest, variant)
        self.model, self.effect, self.dictionary, self.checkpoint = found
        self.session, self.searched = None, None
        if options.engine != "ctranslate2":
            self.model.to(self.device)

    def translate(self, pair: Direction) -> list[dict[str, Any]]:
        """Rows `id, source, reference, hypothesis, score`, in the order of the test set."""
        limit = self.checkpoint.args.max_source_positions
        dataset = load_direction([self.test_set.folder], self.test_set.split, pair, self.dictionary, limit)
        engine = self._by_ctranslate2 if self.options.engine == "ctranslate2" else self._by_fairseq
        found = engine(pair, dataset)
        columns = zip(*self._lines(pair, dataset), found, strict=True)
        return [
            {
                "id": line,
                "source": source,
                "reference": reference,
                "hypothesis": plain(best.tokens),
                "score": best.score,
            }
            for line, (source, reference, best) in enumerate(columns)
        ]

    def _lines(self, pair: Direction, dataset: Any) -> tuple[list[str], list[str]]:
        """Sources and references: the user's own lines where they are known, else what the data-bin holds."""
        if known := self.test_set.lines(pair):
            return known
        sources, references = (pieces(dataset, side, self.dictionary) for side in ("src", "tgt"))
        # fairseq marks unknown symbols of a reference so that no hypothesis can match them.
        marked = [["<<unk>>" if piece == "<unk>" else piece for piece in line] for line in references]
        return [plain(line) for line in sources], [plain(line) for line in marked]

    def _by_fairseq(self, pair: Direction, dataset: Any) -> list[Hypothesis]:
        if self.effect:
            self.effect.activate(str(pair))
        names = ("beam", "length_penalty", "max_length", "max_tokens")
        search = Search(**{name: getattr(self.options, name) for name in names})
        found = dict(translate(self.model, self.dictionary, dataset, pair.target, search))
        return [found[line] for line in range(len(dataset))]

    def _session(self, state: State) -> Any:
        from workflow_scripts.engines.ctranslate2_beam import Session
        from workflow_scripts.engines.search import Options

        options = Options(
            beam=self.options.beam,
            length_penalty=self.options.length_penalty,
            max_length=self.options.max_length,
            compute_type=self.options.compute_type,
            device=self.device.type,
            batch_tokens=self.options.max_tokens,
            **({"batch_sentences": GPU_SENTENCES} if self.device.type == "cuda" else {}),
        )
        return Session(state, self.checkpoint.args, self.dictionary.symbols, options)

    def _by_ctranslate2(self, pair: Direction, dataset: Any) -> list[Hypothesis]:
        state, kept = self.variant.fold(self.checkpoint.state, str(pair))
        if self.searched is not state:
            self.session, self.searched = self._session(state), state
        return self.session.translate(pieces(dataset, "src", self.dictionary), *pair.tags, kept)
