"""Models in and out: the formats of checkpoints, a module each, with a line here. Without fairseq."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflow_scripts.formats.format import Format
from workflow_scripts.registry import Registry

FORMATS: Registry[Format] = Registry(
    "format",
    "formats",
    "FORMAT",
    {
        "fairseq": "fairseq_format",
        "published": "published_format",
        "ctranslate2": "ctranslate2_format",
        "transformers": "transformers_format",
    },
)


class Readable(Registry[Format]):
    """The formats of a registry that models are read from; their options are those of writing, so here are none."""

    def __init__(self, all_formats: Registry[Format]) -> None:
        super().__init__("format that is read", all_formats.package, all_formats.attribute, {})
        self.modules = all_formats.modules
        self._all = all_formats

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._all if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._all and self._all[str(name)].read is not None

    def options(self) -> dict[str, dict[str, Any]]:
        """None."""
        return {}


READABLE = Readable(FORMATS)
GIVEN = "fairseq"
"""The format of a given checkpoint that does not say which it has."""
