"""A fairseq data-bin of this machine, or a download."""

from __future__ import annotations

from workflow_scripts.corpus.source import Source

CODE = ("corpus.source",)

FOLDER = {
    "type": "object",
    "additionalProperties": False,
    "default": {},
    "description": (
        "A ready fairseq data-bin: exactly one of path, url and gdrive. Shards may lie in folders below it."
    ),
    "properties": {
        "path": {"type": "string", "description": "A folder on this machine."},
        "url": {"type": "string", "pattern": "^https?://", "description": "An archive (tar or zip) to download."},
        "gdrive": {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]+$",
            "description": "Google Drive file id of an archive.",
        },
        "sha256": {
            "type": ["string", "null"],
            "pattern": "^[0-9a-fA-F]{64}$",
            "default": None,
            "description": (
                "SHA-256 the download must have; another file is kept aside as `.rejected` and never used. Without it "
                "the download is used unverified, and its digest is written beside it (`.sha256`) and to the log, to "
                "be pinned."
            ),
        },
    },
}
SOURCE = Source(summary="a ready fairseq data-bin", form="databin", options={"databin": FOLDER})
