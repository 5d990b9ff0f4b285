"""A baseline that is a pretrained model of `transformers`: a folder of this machine, or a pinned download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.formats.transformers_files import present
from workflow_scripts.languages import Language
from workflow_scripts.paths import Paths

KEY = "transformers"
"""The key of `baseline.checkpoint` that names the model."""
WEIGHTS = ("model", "pytorch_model")
"""How the names of files with weights begin."""


@dataclass(frozen=True)
class Pretrained:
    """What `baseline.checkpoint` says of it (`given`), in the run of `paths` with these languages."""

    given: Mapping[str, Any]
    paths: Paths
    languages: Mapping[str, Language]

    @property
    def name(self) -> str:
        """Its folder, or its name in the hub."""
        return self.given[KEY]

    @property
    def revision(self) -> str | None:
        """The commit that is downloaded; None for a folder of this machine."""
        return self.given.get("revision")

    @property
    def folder(self) -> str:
        """Where its files are, or will be."""
        return self.paths.pretrained if self.revision else self.name

    @property
    def files(self) -> list[str]:
        """What jobs read of it: the files that are there, or the folder that is downloaded."""
        return [self.folder] if self.revision else list(map(str, present(Path(self.folder))))

    @property
    def vocabulary_files(self) -> list[str]:
        """Of these what decides its vocabulary: no weights."""
        return [file for file in self.files if not Path(file).name.startswith(WEIGHTS)]

    @property
    def tags(self) -> dict[str, str]:
        """What it calls the run's languages, by their codes."""
        return {code: language.tag or code for code, language in self.languages.items()}

    @property
    def source(self) -> dict[str, Any]:
        """The checkpoint, as the step that takes it is told."""
        pinned = {"sha256": self.given["sha256"]} if self.given.get("sha256") else {}
        return {"path": self.folder, "format": KEY, **pinned}
