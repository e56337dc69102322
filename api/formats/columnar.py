"""Parquet and Arrow: columns typed where the type holds values as PostgreSQL printed them, text elsewhere."""

import importlib
import io
import re
from typing import Any

from api.formats import Told, Unfit, Writer
from wire.errors import MalformedFrame
from wire.outcome import ResultColumn

GROUP_BYTES = 4 * 1024 * 1024
"""Text of one row group in Parquet: large enough to be compressed well, small enough to be held."""
_SIMPLE = {
    "smallint": "int16",
    "integer": "int32",
    "bigint": "int64",
    "real": "float32",
    "double precision": "float64",
    "date": "date32",
}
"""PostgreSQL's type, as ``format_type`` prints it, to the name of Arrow's."""
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")


class ArrowWriter(Writer):
    """An Arrow IPC stream, a record batch for every body."""

    takes = "csv"

    def __init__(self, *, plain: bool, text: frozenset[int]) -> None:
        self._arrow = importlib.import_module("pyarrow")
        self._csv = importlib.import_module("pyarrow.csv")
        self._plain = plain
        self._text = text
        self._out = _Outlet()

    def begin(self, columns: list[ResultColumn]) -> bytes:
        if not columns:
            raise Unfit("A result without columns has no form in this format. Ask for format=csv.")
        self._columns = columns
        types = [
            self._arrow.string() if self._plain or place in self._text else self._type(column.type)
            for place, column in enumerate(columns)
        ]
        names = unique([column.name for column in columns])
        self._schema = self._arrow.schema(list(zip(names, types, strict=True)))
        places = [str(place) for place in range(len(columns))]
        self._read = {
            "read_options": self._csv.ReadOptions(column_names=places, use_threads=False),
            "parse_options": self._csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        }
        self._convert = self._csv.ConvertOptions(
            column_types=dict.fromkeys(places, self._arrow.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        self._open()
        return self._out.take()

    def add(self, body: bytes) -> bytes:
        self._write(self._table(body))
        return self._out.take()

    def end(self, told: Told) -> bytes:
        self._file.close()
        return self._out.take()

    def misfits(self, body: bytes) -> frozenset[int]:
        """Places of columns with a value in this body that their type cannot hold."""
        texts = self._texts(body)
        found = set()
        for place, kind in enumerate(self._schema.types):
            try:
                self._cast(texts.column(place), kind)
            except self._arrow.ArrowInvalid:
                found.add(place)
        return frozenset(found)

    def _open(self) -> None:
        self._file = self._arrow.ipc.new_stream(self._out, self._schema)

    def _write(self, table: Any) -> None:
        self._file.write_table(table)

    def _texts(self, body: bytes) -> Any:
        self._read["read_options"].block_size = max(len(body) + 1, 1024)
        try:
            return self._csv.read_csv(io.BytesIO(body), convert_options=self._convert, **self._read)
        except self._arrow.ArrowInvalid as error:
            raise MalformedFrame("A body of an export is not CSV of its columns.") from error

    def _table(self, body: bytes) -> Any:
        texts = self._texts(body)
        arrays = []
        for place, kind in enumerate(self._schema.types):
            try:
                arrays.append(self._cast(texts.column(place), kind))
            except self._arrow.ArrowInvalid as error:
                column = self._columns[place]
                raise Unfit(
                    f"The column {column.name} ({column.type}) holds a value that {kind} cannot: "
                    "infinity, NaN, a year before Christ or beyond 9999. Ask for plain=1, which leaves "
                    "every column as text, or for format=csv."
                ) from error
        return self._arrow.table(arrays, schema=self._schema)

    def _cast(self, texts: Any, kind: Any) -> Any:
        arrow = self._arrow
        if kind == arrow.string():
            return texts
        if kind == arrow.bool_():
            compute = importlib.import_module("pyarrow.compute")
            return compute.equal(texts, "t")
        return texts.cast(kind)

    def _type(self, name: str) -> Any:
        arrow = self._arrow
        if name == "boolean":
            return arrow.bool_()
        if (simple := _SIMPLE.get(name)) is not None:
            return getattr(arrow, simple)()
        if name.startswith("timestamp") and name.endswith("without time zone"):
            return arrow.timestamp("us")
        numeric = _NUMERIC.fullmatch(name)
        if numeric is not None and 0 < int(numeric[1]) <= 38 and int(numeric[2]) <= int(numeric[1]):
            return arrow.decimal128(int(numeric[1]), int(numeric[2]))
        return arrow.string()


class ParquetWriter(ArrowWriter):
    """A Parquet file of row groups; its footer says how many rows there are and whether a cap cut them."""

    tells_cut = True

    def _open(self) -> None:
        parquet = importlib.import_module("pyarrow.parquet")
        self._file = parquet.ParquetWriter(self._out, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._waiting_bytes = 0

    def _write(self, table: Any) -> None:
        self._waiting.append(table)
        self._waiting_bytes += table.nbytes
        if self._waiting_bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._file.write_table(self._arrow.concat_tables(self._waiting))
        self._waiting, self._waiting_bytes = [], 0

    def end(self, told: Told) -> bytes:
        self._flush()
        self._file.add_key_value_metadata(
            {"custard.rows": str(told.rows), "custard.truncated": told.truncated or ""}
        )
        return super().end(told)


class _Outlet(io.RawIOBase):
    """A file that gives away what is written to it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._place += len(piece)
        return len(piece)

    def take(self) -> bytes:
        """What has been written since it was last asked."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def unique(names: list[str]) -> list[str]:
    """Names with a number where one comes again: a result may repeat one, a Parquet file may not."""
    seen: dict[str, int] = {}
    taken = set(names)
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        fresh = name
        while seen[name] > 1 and fresh in taken:
            fresh = f"{name}_{seen[name]}"
            if fresh in taken:
                seen[name] += 1
        taken.add(fresh)
        found.append(fresh)
    return found
