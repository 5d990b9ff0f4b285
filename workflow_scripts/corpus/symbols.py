"""fairseq's dictionary file, read without fairseq."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workflow_scripts.direction import tag
from workflow_scripts.errors import UserError

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
"""What every dictionary begins with; the file does not say it."""
OVERWRITE = "#fairseq:overwrite"
"""Third field of a line whose symbol may stand in the dictionary already."""


def read_symbols(path: Path, languages: Sequence[str]) -> list[str]:
    """The symbols in order, with a tag per language at the end, as the multilingual task lays them out.

    Raises `UserError` naming the line that is not `symbol count`, or says a symbol for the second time.
    """
    symbols = list(SPECIAL)
    known = set(symbols)
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError:
        raise UserError(f"dictionary {path} does not exist: run the data stage again") from None
    except UnicodeDecodeError:
        raise UserError(f"dictionary {path} is not UTF-8: run the data stage again") from None
    for number, line in enumerate(lines if lines != [""] else [], start=1):
        symbol, _, count = line.rstrip().rpartition(" ")
        again = count == OVERWRITE
        if again:
            symbol, _, count = symbol.rpartition(" ")
        if not count.isdecimal() or " " not in line:
            raise UserError(f"dictionary {path}, line {number}: {line!r} is not a symbol and its count")
        if symbol in known and not again:
            raise UserError(f"dictionary {path}, line {number}: {symbol!r} stands there twice")
        symbols.append(symbol)
        known.add(symbol)
    return symbols + [name for name in map(tag, languages) if name not in known]
