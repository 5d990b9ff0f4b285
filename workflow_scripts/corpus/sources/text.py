"""Own parallel files."""

from __future__ import annotations

from workflow_scripts.corpus.source import Source

CODE = ("corpus.source",)

SOURCE = Source(summary="own parallel files", form="text")
