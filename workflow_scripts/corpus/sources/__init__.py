"""Where data comes from: the sources, a module each, with a line here."""

from __future__ import annotations

from workflow_scripts.corpus.source import Source
from workflow_scripts.registry import Registry

SOURCES: Registry[Source] = Registry(
    "data source",
    "corpus.sources",
    "SOURCE",
    {
        "synthetic": "synthetic",
        "text": "text",
        "databin": "databin",
        "none": "none",
    },
)
