"""One loaded system that translates direction after direction, by either engine."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from workflow_scripts.artifacts import Masks, masks_digest
from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.corpus.prepared_set import PreparedSet
from workflow_scripts.direction import Direction
from workflow_scripts.engines.hypothesis import Hypothesis, plain
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.fairseq_plugin.beam_search import Search, translate
from workflow_scripts.fairseq_plugin.datasets import load_direction, pieces
from workflow_scripts.formats import checkpoint as checkpoints
from workflow_scripts.layers.specialized_ffn import DirectionMasks

GPU_SENTENCES = 512
"""Sentences of a batch on a GPU, at most: the first logits of each come to the CPU."""


class Translator:
    """A checkpoint with its masks, ready to translate the directions of a test set.

    `options` are those of `workflow_scripts.steps.decode`. Raises `UserError` when the checkpoint does not fit the
    data or was trained under other masks.
    """

    def __init__(self, options: Namespace, manifest: Manifest, test_set: PreparedSet, masks: Masks | None) -> None:
        self.options, self.test_set = options, test_set
        self.kept = masks.kept() if masks else None
        self.device = transformer.device(options.device)
        self.model, self.dictionary, self.checkpoint = transformer.load_model(options.checkpoint, manifest)
        checkpoints.refuse_other_masks(self.checkpoint, masks_digest(masks.rows) if masks else None)
        if options.engine == "ctranslate2":
            self.session = self._session()
        else:
            self.masks = DirectionMasks(self.model, masks.rows) if masks else None
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
        if self.masks:
            self.masks.activate(str(pair))
        names = ("beam", "length_penalty", "max_length", "max_tokens")
        search = Search(**{name: getattr(self.options, name) for name in names})
        found = dict(translate(self.model, self.dictionary, dataset, pair.target, search))
        return [found[line] for line in range(len(dataset))]

    def _session(self) -> Any:
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
        return Session(self.checkpoint.state, self.checkpoint.args, self.dictionary.symbols, options)

    def _by_ctranslate2(self, pair: Direction, dataset: Any) -> list[Hypothesis]:
        if self.kept is not None and str(pair) not in self.kept:
            raise UserError(f"{self.options.masks} has no masks for {pair}: make them again")
        kept = self.kept[str(pair)] if self.kept is not None else None
        return self.session.translate(pieces(dataset, "src", self.dictionary), *pair.tags, kept)
