"""Nothing is identified."""

from __future__ import annotations

from workflow_scripts.scoring.identifier import Identifier

CODE = ("scoring.identifier",)

IDENTIFIER = Identifier(summary="nothing is identified", open=None)
