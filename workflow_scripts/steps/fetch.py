"""Download a file, verify it, and unpack it if asked to.

    python -m workflow_scripts.steps.fetch --url https://… --sha256 DIGEST --output FILE [--extract FOLDER]
    python -m workflow_scripts.steps.fetch --gdrive ID --output FILE

writes FILE and `FILE.sha256`. An interrupted download goes on where it stopped (`FILE.part`). A file with another
digest is kept aside as `FILE.rejected` and never used. Without `--sha256` the digest found is printed, to be pinned.
Nothing is downloaded or unpacked that the disk has no room for, and no archive is unpacked to more than `--limit` bytes
or to an unlikely multiple of its own size.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

from workflow_scripts.corpus.download import fetch
from workflow_scripts.corpus.unpack import LIMITS, unpack
from workflow_scripts.errors import UserError, run

CODE = ("corpus.download", "corpus.transfer_limits", "corpus.unpack")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--url", help="http or https address")
    source.add_argument("--gdrive", metavar="ID", help="id of a Google Drive file")
    parser.add_argument("--sha256", help="the digest it must have, 64 hexadecimal digits")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    parser.add_argument("--extract", type=Path, help="folder to unpack it to (tar or zip)")
    parser.add_argument(
        "--limit",
        type=int,
        default=LIMITS.size,
        metavar="BYTES",
        help="most that an archive may unpack to (%(default)s)",
    )
    args = parser.parse_args()

    if args.sha256 and not re.fullmatch("[0-9a-fA-F]{64}", args.sha256):
        raise UserError(f"sha256 {args.sha256!r} is not a SHA-256: 64 hexadecimal digits are needed")
    fetch(args.output, args.url, args.gdrive, args.sha256)
    if args.extract:
        unpack(args.output, args.extract, replace(LIMITS, size=args.limit))
        print(f"[download] unpacked to {args.extract}")


if __name__ == "__main__":
    run(main)
