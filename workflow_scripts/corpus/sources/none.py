"""No data: hypotheses and references are there already."""

from __future__ import annotations

from workflow_scripts.corpus.source import Source

CODE = ("corpus.source",)

SOURCE = Source(summary="only translations that exist already are scored", form="none")
