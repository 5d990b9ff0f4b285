"""Systems of a run that translate the same lines, batch by batch."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any

from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.corpus.symbols import read_symbols
from workflow_scripts.direction import Direction
from workflow_scripts.engines.ctranslate2_beam import BeamSearch
from workflow_scripts.engines.line_translator import LineTranslator, Parts, Reader, Translation
from workflow_scripts.engines.made_model import made_model
from workflow_scripts.engines.search import Options
from workflow_scripts.engines.translation_rows import Line, tsv_head
from workflow_scripts.engines.whole_model import WholeModel, best_device
from workflow_scripts.made_run import MadeRun

FRAME = 2
"""Pieces that a source has beside its own: tag and end."""
SAID_EVERY = 10.0
"""Seconds between two lines about progress."""
FIRST_LINES, MOST_LINES = 20, 640
"""Lines of the first batch, which is soon done, and of later ones: many lines of like length go faster."""


class SideBySide:
    """`systems` by name, whose `reader` cuts lines into pieces for all; `count` translations of each line."""

    def __init__(self, reader: Reader, systems: Mapping[str, LineTranslator], count: int) -> None:
        self.reader, self.systems, self.count = reader, systems, count

    @classmethod
    def load(
        cls, run: MadeRun, names: Sequence[str], pair: Direction, count: int, compute_type: str | None, device: str
    ) -> SideBySide:
        """The systems of a run, converted where that is still to be done.

        `compute_type` None is the run's. Raises `UserError` for what does not belong together.
        """
        decode = run.config["decode"]
        if compute_type is None:
            compute_type = decode["compute_type"] if decode["engine"] == "ctranslate2" else "float32"
        options = Options(
            beam=max(decode["beam"], count),
            length_penalty=decode["length_penalty"],
            max_length=decode["max_length"],
            compute_type=compute_type,
            device=best_device() if device == "auto" else device,
            threads=0,
            batch_tokens=decode["max_tokens"],
        )
        manifest = read_manifest(run.paths.manifest)
        symbols = read_symbols(manifest.dictionary, manifest.languages)
        systems, longest = {}, sys.maxsize
        for name in names:
            folder, positions = made_model(run, name, pair, manifest, symbols, compute_type)
            search = BeamSearch(WholeModel(folder, options), positions, symbols, options)
            systems[name] = LineTranslator(search, manifest, pair)
            longest = min(longest, most_pieces(positions, options))
        if count > decode["beam"]:
            say(f"a beam of {count}, not of the run's {decode['beam']}, for as many translations")
        if pair not in run.directions:
            say(f"no model of run {run.name} was trained on {pair}: zero-shot")
        reader = Reader(manifest, pair.source, run.config["data"]["clean"]["punctuation"], longest)
        return cls(reader, systems, count)

    @staticmethod
    def sizes() -> Iterator[int]:
        """Lines of the first batch, the second, and so on."""
        size = FIRST_LINES
        while True:
            yield size
            size = min(2 * size, MOST_LINES)

    def translate(self, batches: Iterable[Sequence[str]], layout: str) -> Iterator[str]:
        """The translations of each batch in a layout: text, tsv or jsonl."""
        if layout == "tsv":
            yield tsv_head(list(self.systems))
        done, start = 0, time.monotonic()
        said = start
        for batch in batches:
            parts = [self._read(number, line) for number, line in enumerate(batch, done + 1)]
            found = interruptible(lambda parts=parts: self._translate(parts))
            lines = (Line(done + place, source, found[place - 1]) for place, source in enumerate(batch, 1))
            yield "".join(getattr(line, layout)() for line in lines)
            done += len(batch)
            if (now := time.monotonic()) - said > SAID_EVERY:
                say(f"{done:,} lines · {done / (now - start):,.1f} lines/s")
                said = now

    def _read(self, number: int, line: str) -> Parts:
        parts = self.reader(line)
        if len(parts) > 1:
            total = sum(map(len, parts))
            say(f"line {number} has {total:,} pieces, {self.reader.longest} go at once: it goes in {len(parts)} parts")
        return parts

    def _translate(self, lines: Sequence[Parts]) -> list[dict[str, list[Translation]]]:
        found = [system.translate(lines, self.count) for system in self.systems.values()]
        return [dict(zip(self.systems, line, strict=True)) for line in zip(*found, strict=True)]


def most_pieces(positions: Namespace, options: Options) -> int:
    """The longest source that the model takes and whose translation, if it is as long, can be said to its end."""
    said = min(options.max_length, positions.max_target_positions - 1) - 1
    return max(1, min(positions.max_source_positions - FRAME, said))


def say(message: str) -> None:
    """A line for people."""
    print(f"[translate] {message}", file=sys.stderr, flush=True)


def interruptible(work: Callable[[], Any]) -> Any:
    """What `work` returns. It runs beside: CTranslate2 would let Ctrl-C through only at the end of a batch."""
    result: Future[Any] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    Thread(target=run, daemon=True).start()
    return result.result()
