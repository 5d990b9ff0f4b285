"""Beam search by CTranslate2 that returns what fairseq's generator would.

Both search alike: twice as many candidates as beams, ends counted among the first beams, over with as many finished
hypotheses as beams. They differ in five points, put right here.

1. fairseq counts the forced language tag in a hypothesis' score and length, CTranslate2 does not: its n-best lists are
   ranked anew with the tag's log-probability, which a short first pass gives.
2. At the first free position an end of sentence among the candidates is a finished hypothesis to fairseq, while
   CTranslate2 lets it block a beam. It is forbidden to CTranslate2, and counted here where fairseq has it. (Lost with
   it are hypotheses that end in the tag said a second time, as an untrained model may.)
3. fairseq scores the end it forces at the maximal length, CTranslate2 just stops: such hypotheses are scored anew.
4. fairseq never chooses `<pad>`. CTranslate2 could suppress it, but would share its probability out among the others
   and so change every score: instead a hypothesis that holds it is not chosen.
5. fairseq takes the target tag out of a hypothesis wherever it stands, CTranslate2 gives all that was said.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import ctranslate2
import numpy as np

from workflow_scripts.engines.ctranslate2_options import Options, to_array
from workflow_scripts.engines.hypothesis import Hypothesis
from workflow_scripts.engines.search import END, refuse_longer
from workflow_scripts.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from workflow_scripts.formats.architecture import Architecture
    from workflow_scripts.formats.folded import Kept

PAD = "<blank>"
ENCODED_TOKENS = 65536
"""Source tokens whose encoder outputs are held at once: 256 MB, and as much again in the translator, for d=1024."""
SCORED_TOKENS = 1024
"""Target tokens that are scored at once: each takes a logit per symbol of the dictionary."""


@dataclass(frozen=True)
class _Start:
    """What the first two decoder steps tell: log-probabilities of the tag and, after it, of ending at once.

    `ends` says whether that end is among the first `beam` candidates.
    """

    tag: float
    end: float
    ends: bool


class Model(Protocol):
    """What is searched with."""

    def select(self, kept: Kept | None) -> None:
        """Be the model of a direction that keeps these neurons; None: of one that keeps all."""

    def encoded(self, sentences: Sequence[Sequence[str]]) -> tuple[ctranslate2.Translator, list[list[str]]]:
        """A translator of these sentences of dictionary symbols, and each of them in its source symbols."""


class BeamSearch:
    """Beam search with a model that is loaded when it is first needed.

    `dictionary` has the symbols in order, language tags included.
    """

    def __init__(self, model: Model, architecture: Architecture, dictionary: Sequence[str], options: Options) -> None:
        _allow_avx512()
        known = ctranslate2.get_supported_compute_types(options.device.partition(":")[0])
        if options.compute_type not in known:
            raise UserError(
                f"decode.compute_type {options.compute_type} does not run on this {options.device}: "
                f"choose one of {', '.join(sorted(known))}"
            )
        self.architecture, self.dictionary, self.options = architecture, dictionary, options
        self._model = model

    def translate(
        self, sources: Sequence[Sequence[str]], source_tag: str | None, target_tag: str, kept: Kept | None = None
    ) -> list[Hypothesis]:
        """The best translation of each sentence; arguments as for `nbest`."""
        return [found[0] for found in self.nbest(sources, source_tag, target_tag, kept)]

    def nbest(
        self,
        sources: Sequence[Sequence[str]],
        source_tag: str | None,
        target_tag: str,
        kept: Kept | None = None,
        count: int = 1,
    ) -> list[list[Hypothesis]]:
        """Translate sentences of dictionary symbols, without tags; `kept` are the direction's neurons, None: all.

        Per sentence up to `count` hypotheses, at least one, best first; there are no more than beams. Raises
        `UserError` when a sentence is longer than the model's positions.
        """
        tagged = [[source_tag, *tokens] if source_tag else list(tokens) for tokens in sources]
        refuse_longer(tagged, self.architecture.max_source)
        self._model.select(kept)
        return [found for part in _parts(tagged) for found in self._translate(part, target_tag, count)]

    def _translate(self, tagged: list[list[str]], target_tag: str, count: int) -> list[list[Hypothesis]]:
        translator, sources = self._model.encoded(tagged)
        starts = self.options.batched(partial(self._starts, translator, target_tag), sources)
        candidates: list[list[Hypothesis]] = [[] for _ in sources]
        cut: list[tuple[int, list[str]]] = []
        for ends in (False, True):
            lines = [line for line, start in enumerate(starts) if start.ends == ends]
            search = partial(self._search, translator, target_tag, self.options.beam - ends)
            found = self.options.batched(search, [sources[line] for line in lines])
            for line, nbest in zip(lines, found, strict=True):
                candidates[line], unfinished = self._ranked(nbest, starts[line], count)
                cut += [(line, tokens) for tokens in unfinished]
        scores = self._scores(translator, [sources[line] for line, _ in cut], [tokens for _, tokens in cut])
        for (line, tokens), score in zip(cut, scores, strict=True):
            candidates[line].append(Hypothesis(tokens[1:], score))
        return [
            [
                replace(one, tokens=[token for token in one.tokens if token != target_tag])
                for one in sorted(found, key=lambda candidate: candidate.score, reverse=True)[:count]
            ]
            for found in candidates
        ]

    @property
    def _exponent(self) -> float:
        """The length penalty; CTranslate2 takes 0 for a leave to stop at the first finished hypothesis."""
        return self.options.length_penalty or 1e-9

    def _starts(self, translator: ctranslate2.Translator, tag: str, sources: list[list[str]]) -> list[_Start]:
        results = translator.translate_batch(
            sources,
            target_prefix=[[tag]] * len(sources),
            beam_size=1,
            max_decoding_length=2,
            min_decoding_length=0,
            max_input_length=0,
            return_logits_vocab=True,
        )
        index, end = self.dictionary.index(tag), self.dictionary.index(END)
        starts = []
        for result in results:
            first, second = (_log_softmax(logits) for logits in result.logits[0][:2])
            better = np.count_nonzero(second > second[end])
            starts.append(_Start(float(first[index]), float(second[end]), better < self.options.beam))
        return starts

    def _search(
        self, translator: ctranslate2.Translator, tag: str, finished: int, sources: list[list[str]]
    ) -> list[list[tuple[list[str], float]]]:
        """Per sentence `finished` hypotheses: tokens with the tag (and the end, if reached), summed log-probability."""
        if finished == 0:
            return [[] for _ in sources]
        results = translator.translate_batch(
            sources,
            target_prefix=[[tag]] * len(sources),
            beam_size=self.options.beam,
            patience=finished / self.options.beam,
            num_hypotheses=finished,
            max_decoding_length=min(self.options.max_length, self.architecture.max_target - 1),
            min_decoding_length=0,
            max_input_length=0,
            suppress_sequences=[[tag, END]],
            length_penalty=self._exponent,
            return_scores=True,
            return_end_token=True,
        )
        return [
            [
                (tokens, score * len(tokens) ** self._exponent)
                for tokens, score in zip(result.hypotheses, result.scores, strict=True)
            ]
            for result in results
        ]

    def _ranked(
        self, nbest: list[tuple[list[str], float]], start: _Start, count: int
    ) -> tuple[list[Hypothesis], list[list[str]]]:
        """The finished hypotheses with fairseq's scores; the tokens of those cut off that may be among `count` best."""
        # The first free position was searched without its end, which left the others a larger share.
        offset = start.tag + np.log1p(-np.exp(start.end))
        finished = [Hypothesis([], self._normalized(start.tag + start.end, 2))] if start.ends else []
        nbest = [(tokens, total) for tokens, total in nbest if PAD not in tokens] or nbest
        finished += [
            Hypothesis(tokens[1:-1], self._normalized(total + offset, len(tokens)))
            for tokens, total in nbest
            if tokens[-1] == END
        ]
        least = sorted((hypothesis.score for hypothesis in finished), reverse=True)[count - 1 : count]
        # The end that fairseq forces can only take from what a hypothesis has so far.
        cut = [
            tokens
            for tokens, total in nbest
            if tokens[-1] != END and self._normalized(total + offset, len(tokens) + 1) > (least or [-np.inf])[0]
        ]
        return finished, cut

    def _scores(
        self, translator: ctranslate2.Translator, sources: list[list[str]], targets: list[list[str]]
    ) -> list[float]:
        """Scores of given targets (tag in front, no end) with the end of sentence added."""
        if not sources:
            return []
        together = max(1, SCORED_TOKENS // max(map(len, targets)))
        results = translator.score_batch(sources, targets, max_batch_size=together, max_input_length=0)
        return [
            self._normalized(sum(result.log_probs), len(tokens) + 1)
            for result, tokens in zip(results, targets, strict=True)
        ]

    def _normalized(self, total: float, length: int) -> float:
        return float(total / length**self.options.length_penalty)


class Session(BeamSearch):
    """One checkpoint, many directions; the dense encoder is converted once, that of a mask when it is asked for.

    `state` is named as in `formats.architecture`.
    """

    def __init__(
        self, state: Mapping[str, Tensor], architecture: Architecture, dictionary: Sequence[str], options: Options
    ) -> None:
        # A model that was converted before is searched with without torch, which takes seconds to import.
        from workflow_scripts.engines.split_model import SplitModel

        super().__init__(SplitModel(state, architecture, dictionary, options), architecture, dictionary, options)


def _allow_avx512(processor: Path = Path("/proc/cpuinfo")) -> None:
    """Let CTranslate2 use AVX-512 where the processor has it: it does not by itself, and int8 is a tenth slower then.

    Only counts before the first model is loaded; what the user has set stays.
    """
    needed = {"avx512f", "avx512cd", "avx512vl", "avx512bw", "avx512dq"}
    if processor.exists() and needed <= set(processor.read_text(encoding="utf-8").split()):
        os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")


def _parts(sentences: list[list[str]]) -> Iterator[list[list[str]]]:
    """The sentences in parts, in order, of up to ENCODED_TOKENS tokens."""
    part: list[list[str]] = []
    tokens = 0
    for sentence in sentences:
        if part and tokens + len(sentence) + 1 > ENCODED_TOKENS:
            yield part
            part, tokens = [], 0
        part.append(sentence)
        tokens += len(sentence) + 1
    if part:
        yield part


def _log_softmax(logits: ctranslate2.StorageView) -> np.ndarray:
    values = to_array(logits).astype(np.float64)
    values -= values.max()
    return values - np.log(np.exp(values).sum())
