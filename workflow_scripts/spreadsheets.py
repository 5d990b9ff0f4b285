"""Text that tables take over from elsewhere must not be a formula to whoever opens them in a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping

from workflow_scripts.errors import UserError

BEGINNINGS = tuple("=+-@\t\r\n")
"""What cells begin with that spreadsheets compute instead of showing (OWASP, CSV injection)."""


def check_cells(where: str, row: Mapping[str, str]) -> None:
    """Raise `UserError` for the first cell of `row` (`{column: text}`) that a spreadsheet would take for a formula."""
    for column, text in row.items():
        if text.startswith(BEGINNINGS):
            raise UserError(
                f"{where}: the {column} {text!r} begins with {text[0]!r}, which spreadsheets take for a formula; it "
                "goes into tables as it is, so write it otherwise"
            )
