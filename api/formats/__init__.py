"""Results as files, written piece by piece: no format ever holds more than a batch of rows.

A writer takes rows as PostgreSQL's ``COPY`` writes them, in its CSV or its text format. It works in a thread.
"""

import importlib.util
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from api.errors import FormatUnavailable
from wire.outcome import ResultColumn

Format = Literal["json", "csv", "parquet", "arrow", "xlsx"]

_NEEDS: dict[Format, tuple[str, str]] = {
    "parquet": ("pyarrow", "pyarrow"),
    "arrow": ("pyarrow", "pyarrow"),
    "xlsx": ("xlsxwriter", "xlsxwriter"),
}
"""Format to the module that it is written with, and the package that has it."""
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a result at its end."""

    rows: int
    truncated: str | None = None
    """The cap that cut it; None when it is whole."""


class Unfit(Exception):
    """The result has no exact form in this format. Internal: ``str`` says why, and what to ask for."""


class Writer(ABC):
    """One file in the making."""

    takes: Literal["csv", "text"] = "text"
    """The format of ``COPY`` in which it is given rows."""
    tells_cut = False
    """Whether the file itself can say that the result was cut."""
    verbatim = False
    """Whether rows leave as they came, so that it can be given pieces of them."""
    streams = True
    """False when the file is whole only at its end, and is then at ``path``."""
    path: Path | None = None

    @abstractmethod
    def begin(self, columns: list[ResultColumn]) -> bytes:
        """The file's beginning. Raises ``Unfit``."""

    @abstractmethod
    def add(self, body: bytes) -> bytes:
        """Take whole rows; returns what of the file is ready.

        Raises:
            Unfit: a value has no exact form in this format.
            MalformedFrame: they are not rows of these columns.
        """

    @abstractmethod
    def end(self, told: Told) -> bytes:
        """The file's end."""

    def close(self) -> None:
        """Remove the file at ``path``, finished or not."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def available(format: Format) -> None:
    """See that the format can be written here.

    Raises:
        FormatUnavailable: it needs a package that is not installed.
    """
    module, package = _NEEDS.get(format, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        raise FormatUnavailable(
            f"{format} needs {package}, which is not installed with this backend.",
            f"Install it beside the backend (pip install {package}), or ask for format=csv.",
        )


def make_writer(format: Format, *, safe: bool, plain: bool, folder: Path, text: frozenset[int]) -> Writer:
    """A writer.

    Args:
        safe: CSV in which no cell acts as a formula.
        plain: every column as text, in formats that have types.
        folder: where a format that cannot be streamed keeps its file while it is made.
        text: places of columns that are known to hold values that their type's counterpart cannot.
    """
    if format == "json":
        from api.formats.text import JsonWriter

        return JsonWriter()
    if format == "csv":
        from api.formats.text import CsvWriter, SafeCsvWriter

        return SafeCsvWriter() if safe else CsvWriter()
    if format == "xlsx":
        from api.formats.sheet import SheetWriter

        return SheetWriter(folder, plain=plain)
    from api.formats.columnar import ArrowWriter, ParquetWriter

    return (ParquetWriter if format == "parquet" else ArrowWriter)(plain=plain, text=text)
