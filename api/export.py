"""A kept result as a file: JSON, CSV, and with pyarrow Parquet and Arrow."""

import csv
import importlib
import importlib.util
import io
from collections.abc import Callable
from typing import Any, Literal

import anyio.to_thread
import orjson
from fastapi.responses import Response

from api.errors import AgentTrouble, FormatUnavailable
from api.results import KeptResult, Results
from wire.outcome import Rows

Format = Literal["json", "csv", "parquet", "arrow"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so may be taken for a formula by a spreadsheet."""


async def export(results: Results, run_id: str, rows: Rows, format: Format, *, safe: bool) -> Response:
    """The whole result in a format; ``safe`` neutralises formulas in CSV.

    Raises:
        ResultGone: it is no longer kept.
        FormatUnavailable: the format needs pyarrow, and it is not installed.
        AgentTrouble: the agent sent something that is no row.
    """
    if format in ("parquet", "arrow") and importlib.util.find_spec("pyarrow") is None:
        raise FormatUnavailable(
            f"{format} needs pyarrow, which is not installed with this backend.",
            "Install it beside the backend (pip install pyarrow), or ask for format=csv.",
        )
    kept = await results.get(rows)
    writers: dict[Format, tuple[Callable[[], bytes], str]] = {
        "json": (lambda: as_json(kept), "application/json"),
        "csv": (lambda: as_csv(kept, safe=safe), "text/csv; charset=utf-8; header=present"),
        "parquet": (lambda: _as_parquet(kept), "application/vnd.apache.parquet"),
        "arrow": (lambda: _as_arrow(kept), "application/vnd.apache.arrow.stream"),
    }
    write, media_type = writers[format]
    try:
        body = await anyio.to_thread.run_sync(write)
    except (ValueError, TypeError, AttributeError) as error:
        # Only the previewed rows were looked at when they came; the agent is answerable for the others.
        raise AgentTrouble(
            "A row of the result is not one.", "Ask again; if it stays, update the agent."
        ) from error
    disposition = f'attachment; filename="{run_id}.{format}"'
    return Response(
        body, 200, {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}, media_type
    )


def as_json(kept: KeptResult) -> bytes:
    """A ``ResultDocument``."""
    return orjson.dumps(
        {
            "columns": [column.model_dump() for column in kept.columns],
            "rows": list(kept.cells()),
            "row_count": kept.row_count,
            "truncated": kept.truncated,
        }
    )


def as_csv(kept: KeptResult, *, safe: bool) -> bytes:
    """RFC 4180 with a header, in PostgreSQL's own text; NULL is empty and the empty text is ``""``."""
    out = io.StringIO(newline="")
    guard = _neutral if safe else _as_it_is
    csv.writer(out, lineterminator="\r\n").writerow([guard(column.name) for column in kept.columns])
    for row in kept.text_rows():
        out.write(",".join("" if cell is None else _quoted(guard(cell)) for cell in row) + "\r\n")
    return out.getvalue().encode()


def _quoted(cell: str) -> str:
    if cell == "" or any(mark in cell for mark in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _as_it_is(cell: str) -> str:
    return cell


def _neutral(cell: str) -> str:
    if not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell


_ARROW_TYPES = {
    "smallint": "int16",
    "integer": "int32",
    "bigint": "int64",
    "real": "float32",
    "double precision": "float64",
    "date": "date32",
}
"""PostgreSQL's type, as ``format_type`` prints it, to the name of Arrow's."""


def _as_parquet(kept: KeptResult) -> bytes:
    out = io.BytesIO()
    importlib.import_module("pyarrow.parquet").write_table(_table(kept), out, compression="zstd")
    return out.getvalue()


def _as_arrow(kept: KeptResult) -> bytes:
    table = _table(kept)
    out = io.BytesIO()
    with importlib.import_module("pyarrow").ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    return out.getvalue()


def _table(kept: KeptResult) -> Any:
    """Columns typed where Arrow's type holds every value as PostgreSQL printed it, as text elsewhere."""
    arrow = importlib.import_module("pyarrow")
    columns: list[list[str | None]] = [[] for _ in kept.columns]
    for row in kept.text_rows():
        for place, cell in enumerate(row):
            columns[place].append(cell)
    names = _unique([column.name for column in kept.columns])
    arrays = [_typed(cells, column.type) for cells, column in zip(columns, kept.columns, strict=True)]
    return arrow.table(arrays, names=names)


def _typed(cells: list[str | None], kind: str) -> Any:
    """A column as its own type; as text when that has no exact counterpart, or a value does not fit it.

    A numeric of any precision, a date BC and a timestamp at infinity exist in PostgreSQL and not in Arrow.
    """
    arrow = importlib.import_module("pyarrow")
    text = arrow.array(cells, arrow.string())
    if kind == "boolean":
        return arrow.array([None if cell is None else cell == "t" for cell in cells], arrow.bool_())
    target = _ARROW_TYPES.get(kind)
    if target is None:
        return text
    try:
        return text.cast(getattr(arrow, target)())
    except arrow.ArrowInvalid:
        return text


def _unique(names: list[str]) -> list[str]:
    """Names with a number where one comes again: a result may repeat one, a Parquet file may not."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return unique
