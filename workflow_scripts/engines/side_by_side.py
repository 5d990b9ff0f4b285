"""Systems of a run that translate the same lines, batch by batch."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any

from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.direction import Direction
from workflow_scripts.engines.engine import Place
from workflow_scripts.engines.line_translator import LineTranslator, Parts, Reader, Translation
from workflow_scripts.engines.opening import opened
from workflow_scripts.engines.search import Search
from workflow_scripts.engines.system_model import SystemModel
from workflow_scripts.engines.translation_rows import Line, tsv_head
from workflow_scripts.formats.architecture import Architecture
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
        cls,
        run: MadeRun,
        names: Sequence[str],
        pair: Direction,
        count: int,
        engine: str,
        options: Mapping[str, Any],
        device: str,
    ) -> SideBySide:
        """The systems of a run, opened by an engine with its options.

        Raises `UserError` for what does not belong together.
        """
        decode = run.config["decode"]
        beam = max(decode["beam"], count)
        search = Search(beam, decode["length_penalty"], decode["max_length"], decode["max_tokens"])
        manifest = read_manifest(run.paths.manifest)
        systems, longest = {}, sys.maxsize
        for name in names:
            checkpoint, variant = run.system(name)
            cache = Path(run.paths.results) / "export/cache" / name
            model = SystemModel(name, engine, checkpoint, manifest, variant, cache)
            ready = opened(model, search, Place(device, threads=0), options)
            # Whatever has to be made or refused is, before anything is written.
            ready.nbest([], pair, count)
            systems[name] = LineTranslator(ready, manifest, pair)
            longest = min(longest, most_pieces(model.architecture, search))
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


def most_pieces(model: Architecture, search: Search) -> int:
    """The longest source that the model takes and whose translation, if it is as long, can be said to its end."""
    said = min(search.max_length, model.max_target - 1) - 1
    return max(1, min(model.max_source - FRAME, said))


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
