"""Spreadsheets (xlsx), written row by row into a file of their own: their zip ends with what they hold."""

import importlib
import shutil
import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

from api.cells import converters
from api.formats import Told, Unfit, Writer
from api.formats.text import copied_rows
from wire.outcome import ResultColumn

MOST_ROWS = 1_048_575
"""Of data: a sheet has 1,048,576, and the first is the header's."""
MOST_COLUMNS = 16_384
MOST_CHARACTERS = 32_767
_SAFE_DIGITS = 10**15
"""A spreadsheet keeps fifteen digits of a number; longer ones go as text."""
_FIRST_DATE = date(1900, 3, 1)
"""Before it spreadsheets count a day that never was."""
_INSTEAD = "Ask for format=csv or format=parquet, which have no such limit."


class SheetWriter(Writer):
    """A workbook of one sheet. Numbers, booleans and dates are such where a sheet keeps them exactly."""

    tells_cut = True
    streams = False

    def __init__(self, folder: Path, *, plain: bool) -> None:
        self._folder = folder
        self._plain = plain
        self._row = 0
        self._own: Path | None = None
        self._book: Any = None

    def begin(self, columns: list[ResultColumn]) -> bytes:
        if len(columns) > MOST_COLUMNS:
            raise Unfit(f"A sheet has {MOST_COLUMNS:,} columns at most. {_INSTEAD}")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A folder of its own: a workbook in the making is several files, and an unfinished one leaves them.
        self._own = Path(tempfile.mkdtemp(".part", "sheet_", self._folder))
        self.path = self._own / "book.xlsx"
        module = importlib.import_module("xlsxwriter")
        self._book = module.Workbook(
            str(self.path),
            {
                "constant_memory": True,
                "tmpdir": str(self._own),
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        # Without it, equal results would make unequal files.
        self._book.set_properties({"created": datetime(2000, 1, 1)})
        self._sheet = self._book.add_worksheet("Result")
        self._columns = columns
        self._how = converters(columns)
        self._dates = {
            "date": self._book.add_format({"num_format": "yyyy-mm-dd"}),
            "timestamp without time zone": self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        bold = self._book.add_format({"bold": True})
        for place, column in enumerate(columns):
            self._text(0, place, column.name, bold)
        self._sheet.freeze_panes(1, 0)
        return b""

    def add(self, body: bytes) -> bytes:
        rows = copied_rows(body, len(self._columns))
        if self._row + len(rows) > MOST_ROWS:
            raise Unfit(f"The result has more rows than a sheet, {MOST_ROWS:,} and the header. {_INSTEAD}")
        for row in rows:
            self._row += 1
            for place, text in enumerate(row):
                if text is not None:
                    self._cell(self._row, place, text)
        return b""

    def end(self, told: Told) -> bytes:
        if told.truncated is not None:
            note = self._book.add_worksheet("Not all rows")
            note.write_string(0, 0, f"The owner's limit of {told.truncated} cut this result: there is more.")
        self._book.close()
        return b""

    def close(self) -> None:
        if self._book is not None:
            # Else its destructor would write an unfinished workbook where the file has just been removed.
            self._book.fileclosed = True
            for sheet in self._book.worksheets():
                sheet._opt_close()
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def _cell(self, row: int, place: int, text: str) -> None:
        if not self._plain:
            value = self._how[place](text)
            if isinstance(value, bool):
                self._sheet.write_boolean(row, place, value)
                return
            if isinstance(value, int | float) and abs(value) < _SAFE_DIGITS and len(text) <= 16:
                self._sheet.write_number(row, place, value)
                return
            if (moment := _moment(text, self._columns[place].type)) is not None:
                self._sheet.write_datetime(row, place, moment, self._dates[self._columns[place].type])
                return
        self._text(row, place, text)

    def _text(self, row: int, place: int, text: str, form: Any = None) -> None:
        # Spreadsheets count in UTF-16.
        if len(text) > MOST_CHARACTERS // 2 and len(text.encode("utf-16-le")) // 2 > MOST_CHARACTERS:
            raise Unfit(
                f"A cell in column {self._columns[place].name}, row {row}, has more than "
                f"{MOST_CHARACTERS:,} characters. {_INSTEAD}"
            )
        self._sheet.write_string(row, place, text, form)


def _moment(text: str, kind: str) -> datetime | None:
    """A date or a moment that a sheet shows as it is: to the second, and not too long ago."""
    if kind not in ("date", "timestamp without time zone") or "." in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.date() >= _FIRST_DATE else None
