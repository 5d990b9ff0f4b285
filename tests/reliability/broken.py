"""A step with a fault of the kind that the windows are for: what says that its text is current is written before it."""

from __future__ import annotations

import sys
from pathlib import Path

from workflow_scripts.files import write_text


def main() -> None:
    """Write the setting to `text`, unless `stamp` says that it is there."""
    setting, folder = sys.argv[1], Path(sys.argv[2])
    stamp = folder / "stamp"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != setting:
        write_text(stamp, setting)
        write_text(folder / "text", setting)
