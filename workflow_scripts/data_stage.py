"""What the data stage reads and prepares: training text, and test sets, each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts.corpus import databin, parallel, test_sets
from workflow_scripts.corpus.download import contradicted
from workflow_scripts.corpus.sources import SOURCES
from workflow_scripts.direction import Direction, corpora
from workflow_scripts.errors import UserError
from workflow_scripts.paths import DEFAULT_SET

if TYPE_CHECKING:
    from workflow_scripts.run import Run

FRAME = 2
"""Pieces that the model adds to a sentence: the language tag and the end."""


@dataclass(frozen=True)
class TestSet:
    """Text that is translated and scored; `folder` is None for the default one, whose text comes with the data."""

    name: str
    folder: str | None
    split: str
    directions: tuple[Direction, ...]


@dataclass(frozen=True)
class DataStage:
    """The data of one run, by its configuration and by which files there are."""

    run: Run

    @property
    def source(self) -> str:
        """Where data comes from."""
        return self.run.config["data"]["source"]

    @property
    def form(self) -> str:
        """What the source has, and so which rules follow: made, text, databin or none."""
        return SOURCES[self.source].form

    @property
    def module(self) -> str:
        """The module of the source."""
        return SOURCES.module(self.source)

    @property
    def is_text(self) -> bool:
        """Whether training data is made from text."""
        return self.form in ("made", "text")

    @property
    def text(self) -> str:
        """The folder of the raw text."""
        return self.run.config["text"] if self.form == "text" else f"{self.run.paths.results}/data/raw"

    @property
    def clean(self) -> str:
        """The folder of the cleaned training text."""
        return f"{self.run.paths.results}/data/clean"

    @property
    def download(self) -> str:
        """The archive of a data-bin that is downloaded."""
        return f"{self.run.paths.results}/data/download/archive"

    @property
    def unpacked(self) -> str:
        """The folder that it is unpacked into."""
        return f"{self.run.paths.results}/data/download/unpacked"

    @property
    def databin(self) -> str:
        """The folder of a given data-bin, or of its shards."""
        return self.run.config["data"]["databin"].get("path", self.unpacked)

    def settings(self, splits: Iterable[str]) -> Mapping[str, Any]:
        """The source's own settings, as far as these splits depend on them."""
        return SOURCES[self.source].concern(self._own, list(splits))

    @property
    def read(self) -> Sequence[str]:
        """The files of this machine that the source makes text of."""
        return SOURCES[self.source].files(self._own)

    @property
    def _own(self) -> dict[str, Any]:
        return SOURCES.settings(self.source, self.run.config["data"])

    def raw(self, splits: Iterable[str], pairs: Iterable[Direction] | None = None) -> list[str]:
        """The raw text of pairs (of all without), as far as it is there or will be."""
        pairs = self.run.corpora if pairs is None else tuple(pairs)
        if self.form == "made":
            return _names(self.text, splits, pairs)
        found = (
            parallel.existing(self.text, pairs, [split])
            if split in parallel.SPLITS
            else test_sets.existing(self.text, split, pairs)
            for split in splits
        )
        return [file for files in found for file in files]

    @property
    def cleaning(self) -> dict[str, Any]:
        """The settings of cleaning; pieces are counted when the text is binarized."""
        return {key: value for key, value in self.run.config["data"]["clean"].items() if key != "max_pieces"}

    @cached_property
    def held_out(self) -> list[str]:
        """The raw text that no training text may share a sentence with."""
        return self.raw(self.run.config["data"]["clean"]["held_out"])

    def read_by_clean(self, pair: Direction) -> list[str]:
        """All raw text that the cleaned text of a pair depends on."""
        return list(dict.fromkeys([*self.raw(parallel.SPLITS, [pair]), *self.held_out]))

    def cleaned(self, splits: Iterable[str] = parallel.SPLITS) -> list[str]:
        """The cleaned text of all pairs; none where training data is not made from text."""
        return _names(self.clean, splits, self.run.corpora) if self.is_text else []

    @property
    def filtered(self) -> list[str]:
        """What cleaning kept, a file per pair."""
        return [f"{self.clean}/{pair}.json" for pair in self.run.corpora]

    @property
    def vocabulary(self) -> str:
        """Where the vocabulary of text is from, and so which rule makes it."""
        return "pretrained" if self.run.pretrained else "trained"

    @property
    def pretrained_vocabulary(self) -> list[str]:
        """What is known of a pretrained model's vocabulary: one file, or none."""
        return [self.run.paths.vocabulary] if self.run.pretrained else []

    @property
    def used(self) -> list[str]:
        """The text whose pieces are all that is kept of a pretrained vocabulary; none where everything is."""
        return self.cleaned(["train"]) if self.run.config["data"]["vocabulary"] == "used" else []

    @property
    def from_text(self) -> list[str]:
        """Names of the test sets that are prepared from text; the default one of a given data-bin is there already."""
        return [one.name for one in self.run.test_sets if self.is_text or one.folder]

    def folder(self, test_set: str) -> str:
        """Where the text of a test set lies."""
        return self._set(test_set).folder or self.text

    def split(self, test_set: str) -> str:
        """What the files of a test set begin with."""
        return self._set(test_set).split

    def prepared(self, test_set: str) -> list[Direction]:
        """The pairs, as they lie on disk, that a test set is prepared for: the run's, whichever are scored now."""
        one = self._set(test_set)
        found = test_sets.available(one.folder, one.split, self.run.directions) if one.folder else self.run.directions
        return corpora(found, self.run.pivot)

    def test_text(self, test_set: str) -> list[str]:
        """The raw text of a test set."""
        one, pairs = self._set(test_set), self.prepared(test_set)
        return test_sets.existing(one.folder, one.split, pairs) if one.folder else self.raw([one.split], pairs)

    @property
    def prepared_training(self) -> list[str]:
        """The data-bin that the manifest tells of, where it is made here: whoever reads it needs both."""
        return [f"{self.run.paths.results}/data/bin"] if self.is_text else []

    def prepared_test(self, test_set: str) -> list[str]:
        """The data-bin and the lines that a test set's manifest tells of, where they are made here."""
        folder = f"{self.run.paths.results}/data/tests/{test_set}"
        return [f"{folder}/bin", f"{folder}/text"] if test_set in self.from_text else []

    def given_databin(self, splits: Iterable[str]) -> list[str]:
        """The files of a data-bin of this machine that hold these splits; none where it is downloaded."""
        path = self.run.config["data"]["databin"].get("path")
        return databin.existing(path, splits, self.run.corpora) if path else []

    @property
    def recorded(self) -> list[str]:
        """The test set whose text activations are counted on: its manifest, or none."""
        asked = self.run.config["activations"]["split"] == "test"
        return [self.run.paths.test_set(DEFAULT_SET)] if asked else []

    @property
    def prepared_recorded(self) -> list[str]:
        """The data of that test set, where it is made here."""
        return self.prepared_test(DEFAULT_SET) if self.recorded else []

    @property
    def scripts(self) -> dict[str, str]:
        """What each language is written in."""
        return {code: language.script for code, language in self.run.languages.items() if language.script}

    @property
    def positions(self) -> int | None:
        """Those of the model that is trained; a given one's are not known here."""
        return self.run.config["model"]["max_positions"] if self.run.baseline_is_trained else None

    @property
    def compared(self) -> dict[str, list[str]]:
        """What existing translations must agree with: the test set that models translate; empty where there is none."""
        if self.form == "none":
            return {}
        test_set, data = self.run.paths.test_set(DEFAULT_SET), self.run.paths.manifest
        return {"data": [data], "test_set": [test_set], "test_data": self.prepared_test(DEFAULT_SET)}

    def _set(self, name: str) -> TestSet:
        return next(one for one in self.run.test_sets if one.name == name)

    def check(self) -> None:
        """Raise `UserError` for text that the model has no room for, and for a download that is not the one pinned."""
        most, positions = self.run.config["data"]["clean"]["max_pieces"], self.run.config["model"]["max_positions"]
        if self.is_text and self.run.baseline_is_trained and most + FRAME > positions:
            raise UserError(
                f"data.clean.max_pieces: {most} pieces, a language tag and an end do not fit model.max_positions "
                f"({positions}), so training would leave lines out; set it to {positions - FRAME} or less"
            )
        wanted = contradicted(Path(self.download), self.run.config["data"]["databin"].get("sha256"))
        if self.form == "databin" and "path" not in self.run.config["data"]["databin"] and wanted:
            raise UserError(
                f"data.databin.sha256 is {wanted}, but {self.download}, downloaded before, has another "
                f"({self.download}.sha256). Correct it, or remove {Path(self.download).parent} to download again"
            )


def _names(folder: str, splits: Iterable[str], pairs: Iterable[Direction]) -> list[str]:
    pairs = list(pairs)
    return [
        f"{folder}/{parallel.file_name(split, pair, language)}"
        for split in splits
        for pair in pairs
        for language in pair.languages
    ]
