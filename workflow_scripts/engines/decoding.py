"""How commands decode a prepared test set: with which checkpoint, engine and search."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from workflow_scripts.command_line import add_options
from workflow_scripts.corpus.manifest import Manifest, read_manifest
from workflow_scripts.corpus.prepared_set import PreparedSet, read_prepared
from workflow_scripts.engines import ENGINES
from workflow_scripts.engines.engine import Opened, Place
from workflow_scripts.engines.opening import opened
from workflow_scripts.engines.search import Search
from workflow_scripts.engines.system_model import SystemModel
from workflow_scripts.systems.variant import Variant


@dataclass(frozen=True)
class Decoding:
    """A test set, and the `checkpoint` that decodes it; `options` are those of the engine called `engine`."""

    manifest: Manifest
    test_set: PreparedSet
    checkpoint: Path
    engine: str
    search: Search
    options: Mapping[str, Any]
    place: Place

    @classmethod
    def of(cls, args: argparse.Namespace) -> Decoding:
        """As a command line says (`add_decoding`). Raises `UserError` where data and test set do not go together."""
        manifest = read_manifest(args.data)
        return cls(
            manifest,
            read_prepared(args.test_set, manifest),
            args.checkpoint,
            args.engine,
            Search(args.beam, args.length_penalty, args.max_length, args.max_tokens),
            ENGINES.settings(args.engine, vars(args)),
            Place(args.device),
        )

    @property
    def module(self) -> str:
        """The module of the engine, as digests of code name it."""
        return ENGINES.module(self.engine)

    @cached_property
    def _identity(self) -> str:
        # Late: torch takes seconds, and --help and wrong arguments should not.
        from workflow_scripts.formats.checkpoint import identity

        return identity(self.checkpoint)

    def made_from(self, variant: Variant) -> dict[str, Any]:
        """What decides the translations of a variant, beside their text and the code."""
        return {
            "engine": self.engine,
            **vars(self.search),
            **self.options,
            **self.manifest.vocabulary,
            "packages": ENGINES[self.engine].versions(),
            "checkpoint": self._identity,
            **variant.made_from(),
        }

    def model(self, system: str, variant: Variant) -> SystemModel:
        """The checkpoint as the model of a system."""
        return SystemModel(system, self.engine, self.checkpoint, self.manifest, variant)

    def opened(self, model: SystemModel) -> Opened:
        """The model, ready to translate. Raises `UserError` where it cannot be decoded so."""
        model.check()
        return opened(model, self.search, self.place, self.options)


def add_decoding(parser: argparse.ArgumentParser) -> None:
    """The options of which `Decoding.of` makes a `Decoding`."""
    parser.add_argument("--data", type=Path, required=True, help="data/manifest.json")
    parser.add_argument("--test-set", type=Path, required=True, help="manifest of the test set")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--engine", choices=list(ENGINES), default="fairseq")
    add_options(parser, ENGINES.options())
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--length-penalty", type=float, default=1.0)
    parser.add_argument("--max-tokens", type=int, default=12000, help="source tokens of a batch")
    parser.add_argument("--max-length", type=int, default=200, help="longest hypothesis in pieces")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 …")
